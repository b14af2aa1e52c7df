"""Run by test_models.py on the JAX backend: trains every small network, and saves what it makes of the weights in a folder."""

import pathlib
import sys

import keras
import numpy as np
from small import SMALL, endpoint_outputs

from zoo.execution import choose_execution
from zoo.layers import SeededNormal
from zoo.models.seq2seq import beam_decoder, greedy_decoder


def check_two_steps_of_training(name, small):
    model, inputs = small.compiled(jit_compile=True), small.inputs(4, 6)
    for array in inputs.values():
        if array.dtype == "float32":
            array[0] = 0  # a blank picture must not spoil the gradients of the others
    before = model.get_weights()
    history = model.fit(inputs, small.targets(inputs), batch_size=2, verbose=0).history
    assert np.isfinite(list(history.values())).all(), (name, history)
    assert all(np.isfinite(weights).all() for weights in model.get_weights()), name
    assert any((weights != old).any() for weights, old in zip(model.get_weights(), before)), name
    if name == "vae":
        np.testing.assert_allclose(history["loss"], np.add(history["reconstruction"], history["kl"]), rtol=1e-5)


def main(folder):
    assert keras.backend.backend() == "jax"
    chosen = SMALL["stacked_autoencoder"].compiled()
    assert choose_execution(chosen) == "jax on CPU: jit_compile=True, steps_per_execution=1"
    for name in {small.builder: name for name, small in SMALL.items()}.values():  # one variant of each network, the last
        check_two_steps_of_training(name, SMALL[name])
    for index, (name, small) in enumerate(SMALL.items()):
        model, inputs = small.build(), small.inputs(2, 6)
        model.load_weights(folder / f"{index}.weights.h5")
        outputs = keras.tree.flatten(model(inputs, training=False))
        results = {f"output{number}": output for number, output in enumerate(outputs)}
        if name.startswith("seq2seq"):
            results["greedy"] = greedy_decoder(model, 5)(inputs["source"])["tokens"]
            results["beam"] = beam_decoder(model, 3, 1.0, 5)(inputs["source"])["tokens"]
        if name == "vae":
            results["noise"] = SeededNormal(20)(np.int32(1000), np.int32(5))
        results |= endpoint_outputs(small.builder, model)
        np.savez(folder / f"{index}-jax.npz", **{key: np.asarray(value) for key, value in results.items()})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
