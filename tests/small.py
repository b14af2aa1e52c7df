"""Every network at a size that tests can afford, and what its documented size is."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

import zoo
from zoo.models import seq2seq, stacked_autoencoder, stacked_lstm, vae


def image(batch, length):
    return {"image": np.random.default_rng(0).random((batch, 8, 8, 1), "float32")}


def sequence(batch, length):
    return {"sequence": np.random.default_rng(0).random((batch, length, 5), "float32")}


def token_pairs(batch, length):
    generator = np.random.default_rng(0)
    return {
        "source": generator.integers(3, 9, (batch, length)).astype("int32"),
        "target": generator.integers(3, 7, (batch, length + 1)).astype("int32"),
    }


def three_classes(inputs):
    return np.arange(len(next(iter(inputs.values())))) % 3


def the_image(inputs):
    return inputs["image"]


def next_tokens(inputs):
    return np.roll(inputs["target"], -1, axis=1)


def nothing(inputs):
    return None


CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclasses.dataclass(frozen=True)
class Small:
    """A small network.

    `overfitted` is the loss below which eight examples count as learned by heart.
    """

    builder: str
    arguments: dict
    inputs: Callable
    targets: Callable
    loss: object
    overfitted: float
    lengths: tuple = (6,)

    def build(self):
        return getattr(zoo, self.builder)(**self.arguments)

    def compiled(self):
        model = self.build()
        model.compile(keras.optimizers.Adam(1e-2), self.loss, jit_compile=False)
        return model


def small_seq2seq(**arguments):
    sizes = {"source_tokens": 9, "target_tokens": 7, "embedding": 6, "units": 8}
    return Small("seq2seq", {**sizes, **arguments}, token_pairs, next_tokens, CROSS_ENTROPY, 0.3, (6, 3))


SMALL = {
    "mnist_cnn": Small(
        "mnist_cnn",
        {"input_shape": (8, 8, 1), "num_classes": 3, "filters": (3, 4), "units": 32, "dropout": 0.1},
        image,
        three_classes,
        CROSS_ENTROPY,
        0.05,
    ),
    "stacked_lstm": Small(
        "stacked_lstm",
        {"input_shape": (None, 5), "num_classes": 3, "units": (7, 6), "dropout": 0.1},
        sequence,
        three_classes,
        CROSS_ENTROPY,
        0.1,
        (6, 3),
    ),
    "stacked_autoencoder": Small(
        "stacked_autoencoder",
        {"input_shape": (8, 8, 1), "units": (32, 16), "l2": 1e-6},
        image,
        the_image,
        "mse",
        0.01,
    ),
    "stacked_autoencoder, untied": Small(
        "stacked_autoencoder",
        {"input_shape": (8, 8, 1), "units": (32, 16), "l2": 1e-6, "tied": False},
        image,
        the_image,
        "mse",
        0.01,
    ),
    # 64 pixels that are coin tosses cost 64 log 2 = 44 nats.
    "vae": Small("vae", {"input_shape": (8, 8, 1), "units": (16, 8), "codings": 3}, image, nothing, None, 42.0),
    "seq2seq": small_seq2seq(),
    "seq2seq, lstm": small_seq2seq(cell="lstm"),
    "seq2seq, additive, bidirectional lstm": small_seq2seq(cell="lstm", attention="additive", bidirectional=True),
    "seq2seq, dot, bidirectional gru": small_seq2seq(attention="dot", bidirectional=True, dropout=0.1),
}

# The networks that are made of a trained one and share its weights.
ENDPOINTS = {
    "mnist_cnn": (),
    "seq2seq": (seq2seq.encoder, seq2seq.decoder_step),
    "stacked_autoencoder": (stacked_autoencoder.encoder, stacked_autoencoder.decoder),
    "stacked_lstm": (stacked_lstm.step,),
    "vae": (vae.encoder, vae.decoder, vae.sampler, vae.reconstructor),
}


def endpoint_inputs(endpoint, batch, length):
    """Any inputs of the right shapes: whole numbers from 3 to 6, others from 0 to 1."""
    generator, inputs = np.random.default_rng(0), {}
    for tensor in endpoint.inputs:
        shape = [size or unknown for size, unknown in zip(tensor.shape, (batch, length))] + list(tensor.shape[2:])
        numbers = generator.integers(3, 7, shape) if tensor.dtype == "int32" else generator.random(shape)
        inputs[tensor.name] = np.asarray(numbers, tensor.dtype)
    return inputs


def endpoint_outputs(builder, model):
    """What all endpoints of a model give."""
    endpoints = [build(model) for build in ENDPOINTS[builder]]
    return {
        f"{endpoint.name} {name}": output
        for endpoint in endpoints
        for name, output in endpoint(endpoint_inputs(endpoint, 2, 6)).items()
    }


# What the docstrings say: the arguments of the default size, and its weight count.
DOCUMENTED = {
    "mnist_cnn": ({}, 3_274_634),
    "stacked_lstm": ({}, 470_110),
    "stacked_autoencoder": ({}, 281_734),
    "stacked_autoencoder, untied": ({"tied": False}, 561_934),
    "vae": ({}, 425_284),
    "seq2seq": ({"source_tokens": 40, "target_tokens": 20, "embedding": 64, "units": 64}, 55_060),
}
