"""The networks made of a trained one: their names, and their values against the whole network."""

import keras
import numpy as np
import pytest
from small import ENDPOINTS, SMALL, endpoint_inputs

import zoo
from zoo.layers.noise import SeededNormal
from zoo.models import seq2seq, stacked_autoencoder, stacked_lstm, vae

# Exported files have these names of inputs and outputs: whoever reads one relies on them.
NAMES = {
    ("adaline", "binary_classifier"): ("features", "score label"),
    ("binary_adder", "adder"): ("a b", "sum"),
    ("multitask_mlp", "classifiers"): ("image", "three_probabilities three_label two_probabilities two_label"),
    ("parity_rnn", "parity"): ("bits", "label odd"),
    ("perceptron", "binary_classifier"): ("features", "score label"),
    ("seq2seq", "encoder"): ("source", "memory state1"),
    ("seq2seq", "decoder_step"): ("token memory source state1", "logits next_state1"),
    ("seq2seq, lstm", "encoder"): ("source", "memory state1 state2"),
    ("seq2seq, lstm", "decoder_step"): ("token memory source state1 state2", "logits next_state1 next_state2"),
    ("siamese_network", "embedder"): ("image", "embedding"),
    ("siamese_network", "matcher"): ("image_a image_b", "distance same"),
    **{
        (network, name): names
        for network in ("denoising_autoencoder", "sparse_autoencoder", "stacked_autoencoder")
        for name, names in {
            "encoder": ("image", "coding"),
            "decoder": ("coding", "reconstruction"),
            "reconstructor": ("image", "reconstruction coding"),
            "interpolator": ("image_a image_b steps", "interpolation"),
        }.items()
    },
    ("stacked_lstm", "step"): ("frame h1 c1 h2 c2", "logits next_h1 next_c1 next_h2 next_c2"),
    ("tdnn", "evidence"): ("sequence", "evidence"),
    ("char_rnn", "step"): ("token state1 state2", "logits next_state1 next_state2"),
    ("char_rnn", "reader"): ("tokens state1 state2", "logits next_state1 next_state2"),
    ("word_rnn", "step"): (
        "token state1 state2 state3 state4",
        "logits next_state1 next_state2 next_state3 next_state4",
    ),
    ("word_rnn", "reader"): (
        "tokens state1 state2 state3 state4",
        "logits next_state1 next_state2 next_state3 next_state4",
    ),
    ("time_series_rnn", "step"): ("value state1", "following next_state1"),
    ("time_series_rnn", "forecaster"): ("series steps", "forecast"),
    ("time_series_rnn, two lstm", "step"): (
        "value state1 state2 state3 state4",
        "following next_state1 next_state2 next_state3 next_state4",
    ),
    **{
        (network, name): names
        for network in ("conv_vae", "vae")
        for name, names in {
            "encoder": ("image", "mean log_variance"),
            "decoder": ("coding", "reconstruction"),
            "sampler": ("count seed", "image"),
            "reconstructor": ("image", "reconstruction coding"),
            "interpolator": ("image_a image_b steps", "interpolation"),
            "anomaly": ("image", "negative_elbo"),
        }.items()
    },
    ("conv_vae", "latent_map"): ("columns", "image coding"),
}


def trained(model):
    """Its weights, biases too, are like those of no new network."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(generator.normal(size=weight.shape, scale=0.4))
    return model


def dtype_of(output):
    return "int32" if output in ("label", "same", "sum") or output.endswith("_label") else "float32"


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits)))


@pytest.mark.parametrize(("network", "name"), NAMES)
def test_names_are_fixed(network, name):
    small = SMALL[network]
    endpoint = next(build for build in ENDPOINTS[small.builder] if build.__name__ == name)(small.build())
    inputs, outputs = NAMES[network, name]
    assert endpoint.name == name
    assert [tensor.name for tensor in endpoint.inputs] == inputs.split()
    assert set(endpoint.output) == set(outputs.split())
    assert all(tensor.dtype == dtype_of(output) for output, tensor in endpoint.output.items())


def test_every_endpoint_has_its_names():
    assert set(ENDPOINTS) == {small.builder for small in SMALL.values()}
    assert {(SMALL[network].builder, name) for network, name in NAMES} == {
        (network, build.__name__) for network, endpoints in ENDPOINTS.items() for build in endpoints
    }


@pytest.mark.parametrize("network", [name for name in SMALL if ENDPOINTS[SMALL[name].builder]])
def test_endpoints_share_the_weights_and_leave_none_out(network):
    model = SMALL[network].build()
    shared = [weight for build in ENDPOINTS[SMALL[network].builder] for weight in build(model).weights]
    assert {id(weight) for weight in shared} == {id(weight) for weight in model.weights if "seed" not in weight.path}


@pytest.mark.parametrize("network", [name for name in SMALL if ENDPOINTS[SMALL[name].builder]])
def test_endpoints_take_any_batch_and_length_and_their_models_keep_theirs(network):
    small = SMALL[network]
    model = small.build()
    config = model.get_config()
    for build in ENDPOINTS[small.builder]:
        endpoint = build(model)
        for batch, length in ((1, 6), (5, 3)):
            inputs = endpoint_inputs(endpoint, batch, length)
            rows = inputs["columns"] ** 2 if "columns" in inputs else inputs.get("count", batch)
            for name, output in endpoint(inputs).items():
                assert output.shape[0] == rows and output.dtype == dtype_of(name) and np.isfinite(output).all()
    assert model.get_config() == config


@pytest.mark.parametrize("network", ["stacked_autoencoder", "stacked_autoencoder, untied"])
def test_the_halves_of_the_autoencoder_make_the_whole(network):
    small = SMALL[network]
    model, inputs = small.build(), small.inputs(4, 6)
    encoder, decoder = stacked_autoencoder.encoder(model), stacked_autoencoder.decoder(model)
    trained(model)
    coding = encoder(inputs)["coding"]
    assert coding.shape == (4, 16)
    np.testing.assert_array_equal(decoder({"coding": coding})["reconstruction"], model(inputs))


def test_the_encoder_of_the_vae_gives_mean_and_log_variance():
    small = SMALL["vae"]
    model, inputs = small.compiled(), small.inputs(4, 6)
    gaussian = vae.encoder(model)(inputs)
    mean, log_variance = (np.asarray(gaussian[name]) for name in ("mean", "log_variance"))
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1).mean()
    assert model.evaluate(inputs, return_dict=True, verbose=0)["kl"] == pytest.approx(kl, rel=1e-5)


def test_the_reconstructor_of_the_vae_decodes_the_mean():
    small = SMALL["vae"]
    model, inputs = small.build(), small.inputs(4, 6)
    encoder, decoder, reconstructor = vae.encoder(model), vae.decoder(model), vae.reconstructor(model)
    trained(model)
    answer = reconstructor(inputs)
    np.testing.assert_array_equal(answer["coding"], encoder(inputs)["mean"])
    np.testing.assert_allclose(answer["reconstruction"], sigmoid(model(inputs)), atol=1e-6)
    np.testing.assert_array_equal(decoder({"coding": answer["coding"]})["reconstruction"], answer["reconstruction"])


def test_the_sampler_of_the_vae_decodes_normal_codings():
    model = trained(SMALL["vae"].build())
    sampler, decoder = vae.sampler(model), model.get_layer("decoder")

    def images(count, seed):
        return np.asarray(sampler({"count": np.array(count), "seed": np.array(seed)})["image"])

    for seed in (0, 2**31 - 1):
        coding = SeededNormal(3)(np.int32(7), np.int32(seed))
        np.testing.assert_allclose(images(7, seed), sigmoid(decoder(coding)), atol=1e-6)
        np.testing.assert_allclose(images(2, seed), images(7, seed)[:2], atol=1e-6)
    assert np.abs(images(7, 1) - images(7, 2)).max(axis=(1, 2, 3)).min() > 0.01
    for count in (0, -1):
        assert images(count, 1).shape == (0, 8, 8, 1)


@pytest.mark.parametrize("units", [(4,), (7, 6), (3, 5, 4)])
def test_stepping_gives_the_logits_of_the_sequence_read_so_far(units):
    model = zoo.stacked_lstm((None, 5), 3, units, dropout=0.5, augmentation=keras.layers.GaussianNoise(1.0))
    step = stacked_lstm.step(model)
    trained(model)
    sequence = SMALL["stacked_lstm"].inputs(4, 6)["sequence"]
    states = {tensor.name: np.zeros((4, tensor.shape[1]), "float32") for tensor in step.inputs if tensor.name != "frame"}
    for time in range(6):
        # With training=True too there is no dropout and no noise in a step.
        outputs = step({"frame": sequence[:, time], **states}, training=True)
        logits = outputs.pop("logits")
        np.testing.assert_allclose(logits, model(sequence[:, : time + 1]), atol=1e-6)
        np.testing.assert_allclose(logits, model.get_layer("logits")(outputs[f"next_h{len(units)}"]), atol=1e-6)
        states = {name.removeprefix("next_"): np.asarray(state) for name, state in outputs.items()}
    assert [tuple(states[f"{part}{index}"].shape) for index in range(1, len(units) + 1) for part in "hc"] == [
        (4, width) for width in units for _ in "hc"
    ]


def test_the_encoder_of_seq2seq_is_that_of_the_network():
    small = SMALL["seq2seq, additive, bidirectional lstm"]
    model, source = small.build(), small.inputs(4, 6)["source"]
    encoder = seq2seq.encoder(model)
    trained(model)
    outputs = encoder(source)
    for name, expected in zip(("memory", "state1", "state2"), model.get_layer("encoder")(source), strict=True):
        np.testing.assert_array_equal(outputs[name], expected)
