"""The same checks for every network; a new one joins by its row in small.py."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from small import COUNTED, DOCUMENTED, SMALL, endpoint_outputs

import zoo
from zoo.layers.noise import SeededNormal
from zoo.models.seq2seq import beam_decoder, greedy_decoder

every_network = pytest.mark.parametrize("name", SMALL)


def outputs(model, inputs):
    return keras.tree.flatten(model(inputs, training=False))


def assert_same_outputs(model, other, inputs):
    for output, same in zip(outputs(model, inputs), outputs(other, inputs), strict=True):
        np.testing.assert_array_equal(output, same)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(3)


def test_every_network_has_a_small_size_and_a_documented_one():
    """Builders that only choose the sizes of another one in their file are documented, and small where that one is."""
    homes = [getattr(getattr(zoo, name), "__module__", "") for name in zoo.__all__]
    files = {home.removeprefix("zoo.models.") for home in homes if home.startswith("zoo.models.")}
    assert {small.builder for small in SMALL.values()} | COUNTED == files
    documented = {name.partition(",")[0] for name in DOCUMENTED}
    assert documented <= set(zoo.__all__)
    assert {getattr(zoo, name).__module__.rpartition(".")[2] for name in documented} == files


@pytest.mark.parametrize("name", DOCUMENTED)
def test_weight_count_is_the_documented_one(name):
    arguments, count = DOCUMENTED[name]
    builder = getattr(zoo, name.partition(",")[0])
    assert builder(**arguments).count_params() == count
    assert f"{count:,}" in builder.__doc__


def test_networks_of_a_fixed_size_say_so_in_one_line():
    any_length = {"binary_adder", "deep_rnn", "identity_rnn", "latch_rnn", "parity_rnn", "seq2seq", "stacked_lstm", "tdnn"}
    any_length |= {"sentiment_rnn", "time_series_rnn", "char_rnn", "word_rnn"}
    for small in SMALL.values():
        if small.builder not in any_length | {"resnet", "perceptron", "adaline"}:
            with pytest.raises(ValueError) as error:
                small.build(input_shape=(None, 8, 1))
            expected = "needs inputs of a fixed size, got the input shape (None, 8, 1); give each size as a number."
            assert str(error.value) == f"{small.builder} {expected}"


def test_names_do_not_depend_on_what_was_built_before():
    def names(name):
        model = SMALL[name].build()
        layers = [layer.name for layer in model._flatten_layers()]
        tensors = [tensor.name for tensor in model.inputs]
        return layers, tensors, model.output_names, [weight.path for weight in model.weights]

    first = {name: names(name) for name in SMALL}
    for name in reversed(SMALL):
        assert names(name) == first[name], name


@every_network
def test_outputs_are_finite_float32_for_any_batch_and_length(name):
    small = SMALL[name]
    model = small.build()
    for batch in (1, 5):
        for length in small.lengths:
            for output in outputs(model, small.inputs(batch, length)):
                assert output.shape[0] == batch
                assert output.dtype == "float32"
                assert np.isfinite(output).all()


@every_network
def test_an_example_does_not_depend_on_its_batch(name):
    small = SMALL[name]
    model, inputs = small.build(), small.inputs(5, 6)
    one = {key: array[2:3] for key, array in inputs.items()}
    for all_outputs, output in zip(outputs(model, inputs), outputs(model, one)):
        np.testing.assert_allclose(all_outputs[2:3], output, atol=1e-6)


@every_network
def test_every_weight_receives_a_gradient(name):
    small = SMALL[name]
    model = small.compiled()
    inputs = small.inputs(8, 6)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(inputs, small.targets(inputs), model(inputs, training=True))
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, [w.value for w in model.trainable_weights])):
        assert gradient is not None, weight.path
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path


@pytest.mark.slow
@every_network
def test_eight_examples_are_memorised(name):
    small = SMALL[name]
    model, inputs = small.compiled(), small.inputs(8, 6)
    model.steps_per_execution = 50
    repeated = {key: np.concatenate([array] * 50) for key, array in inputs.items()}
    targets = small.targets(inputs)
    if targets is not None:
        targets = keras.tree.map_structure(lambda array: np.concatenate([array] * 50), targets)
    before = model.evaluate(repeated, targets, return_dict=True, verbose=0)
    model.fit(repeated, targets, batch_size=8, epochs=8, shuffle=False, verbose=0)
    after = model.evaluate(repeated, targets, return_dict=True, verbose=0)
    assert after["loss"] < small.overfitted < before["loss"]


@pytest.mark.slow
@every_network
def test_same_seed_same_loss_and_another_seed_another_one(name):
    def losses(seed):
        keras.utils.set_random_seed(seed)
        model, inputs = SMALL[name].compiled(), SMALL[name].inputs(8, 6)
        model.run_eagerly = True
        return model.fit(inputs, SMALL[name].targets(inputs), batch_size=4, verbose=0).history["loss"]

    first = losses(1)
    assert losses(1) == first
    assert losses(2) != first


@every_network
def test_config_and_clone_keep_outputs_and_ties(name):
    model, inputs = SMALL[name].build(), SMALL[name].inputs(2, 6)
    for copy in (keras.Model.from_config(model.get_config()), keras.models.clone_model(model)):
        assert [weight.shape for weight in copy.weights] == [weight.shape for weight in model.weights]
        copy.set_weights(model.get_weights())
        assert_same_outputs(model, copy, inputs)


@every_network
def test_saved_weights_keep_outputs(name, tmp_path):
    model, inputs = SMALL[name].build(), SMALL[name].inputs(2, 6)
    model.save_weights(tmp_path / "model.weights.h5")
    other = SMALL[name].build()
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same_outputs(model, other, inputs)


def run_script(name, folder, **environment):
    script = pathlib.Path(__file__).with_name(name)
    run = subprocess.run([sys.executable, script, folder], env={**os.environ, **environment}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_whole_models_load_in_a_fresh_process_and_keep_outputs(tmp_path):
    """With nothing but `import zoo` and Keras's own `load_model`, in its safe mode."""
    for index, small in enumerate(SMALL.values()):
        model, inputs = small.compiled(), small.inputs(2, 6)
        model.save(tmp_path / f"{index}.keras")
        results = {f"output{number}": output for number, output in enumerate(outputs(model, inputs))}
        np.savez(tmp_path / f"{index}.npz", **inputs, **results)
    assert sorted(run_script("load_saved.py", tmp_path)) == sorted(f"{index}.keras" for index in range(len(SMALL)))


def test_tied_kernels_stay_tied_after_a_step_of_a_loaded_clone(tmp_path):
    model = keras.models.clone_model(SMALL["stacked_autoencoder"].build())
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    inputs = image = SMALL["stacked_autoencoder"].inputs(8, 6)["image"]
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(inputs, image, verbose=0)
    kernels = [weight.numpy() for weight in model.weights if weight.path.endswith("/kernel")]
    biases = [weight.numpy() for weight in model.weights if "bias" in weight.name]
    elu = keras.ops.elu
    x = image.reshape(8, -1)
    hidden = elu(elu(x @ kernels[0] + biases[0]) @ kernels[1] + biases[2])
    hidden = elu(hidden @ kernels[1].T + biases[3])
    np.testing.assert_allclose(keras.ops.reshape(model(image), (8, -1)), hidden @ kernels[0].T + biases[1], rtol=1e-4, atol=1e-5)
    assert len(kernels) == 2


@pytest.mark.slow
def test_networks_train_on_jax_and_give_the_outputs_of_tensorflow(tmp_path):
    for index, (name, small) in enumerate(SMALL.items()):
        model, inputs = small.build(), small.inputs(2, 6)
        model.save_weights(tmp_path / f"{index}.weights.h5")
        results = {f"output{number}": output for number, output in enumerate(outputs(model, inputs))}
        if name.startswith("seq2seq"):
            results["greedy"] = greedy_decoder(model, 5)(inputs["source"])["tokens"]
            results["beam"] = beam_decoder(model, 3, 1.0, 5)(inputs["source"])["tokens"]
        if name == "vae":
            results["noise"] = SeededNormal(20)(np.int32(1000), np.int32(5))
        results |= endpoint_outputs(small.builder, model)
        np.savez(tmp_path / f"{index}.npz", **{key: np.asarray(value) for key, value in results.items()})
    # What a test computes is not worth optimising: without it XLA compiles in half of the time.
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    run_script("on_jax.py", tmp_path, KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", XLA_FLAGS=flags)
    for index, name in enumerate(SMALL):
        ours, theirs = np.load(tmp_path / f"{index}.npz"), np.load(tmp_path / f"{index}-jax.npz")
        assert set(ours) == set(theirs)
        for key in ours:
            largest = max(1, np.abs(ours[key]).max())  # of a bound in nats, the sum over all pixels
            np.testing.assert_allclose(ours[key], theirs[key], atol=2e-6 * largest, err_msg=f"{name} {key}")
