"""Every network at a size that tests can afford, and what its documented size is."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

import zoo
from zoo.losses import contrastive_loss, multiclass_hinge
from zoo.models import (
    binary_adder,
    char_rnn,
    multitask_mlp,
    parity_rnn,
    perceptron,
    seq2seq,
    siamese_network,
    stacked_autoencoder,
    stacked_lstm,
    tdnn,
    time_series_rnn,
    vae,
)


def with_random_weights(model, generator):
    """The model with weights that are all different, biases too."""
    model.set_weights([generator.uniform(-0.4, 0.4, weight.shape) for weight in model.weights])
    return model


def image(batch, length):
    return {"image": np.random.default_rng(0).random((batch, 8, 8, 1), "float32")}


def larger_image(batch, length):
    return {"image": np.random.default_rng(0).random((batch, 19, 19, 1), "float32")}


def sequence(batch, length):
    return {"sequence": np.random.default_rng(0).random((batch, length, 5), "float32")}


def features(batch, length):
    return {"features": np.random.default_rng(0).random((batch, 30), "float32")}


def image_pair(batch, length):
    generator = np.random.default_rng(0)
    return {name: generator.random((batch, 16, 16, 1), "float32") for name in ("image_a", "image_b")}


def series(batch, length):
    return {"series": np.random.default_rng(0).random((batch, length, 1), "float32")}


def text(batch, length):
    """Of different lengths: every second one is padded."""
    tokens = np.random.default_rng(0).integers(3, 9, (batch, length)).astype("int32")
    tokens[1::2, -(length // 2) :] = 0
    return {"text": tokens}


def running_text(batch, length):
    return {"tokens": np.random.default_rng(0).integers(4, 9, (batch, length)).astype("int32")}


def token_pairs(batch, length):
    generator = np.random.default_rng(0)
    return {
        "source": generator.integers(3, 9, (batch, length)).astype("int32"),
        "target": generator.integers(3, 7, (batch, length + 1)).astype("int32"),
    }


def two_numbers(batch, length):
    a, b = np.random.default_rng(0).integers(0, 2, (2, batch, length), "int32")
    return {"a": a, "b": b[:, length // 2 :]}


def bits(batch, length):
    return {"bits": np.random.default_rng(0).integers(0, 2, (batch, length), "int32")}


def three_classes(inputs):
    return np.arange(len(next(iter(inputs.values())))) % 3


def two_classes(inputs):
    return np.minimum(three_classes(inputs), 1)


def two_tasks(inputs):
    return {"three": three_classes(inputs), "two": two_classes(inputs)}


def the_image(inputs):
    return inputs["image"]


def next_tokens(inputs):
    return np.roll(inputs["target"], -1, axis=1)


def following(inputs):
    return np.roll(inputs["tokens"], -1, axis=1)


def first_number(inputs):
    return np.pad(inputs["a"], ((0, 0), (1, 0)))


def parities(inputs):
    return np.cumsum(inputs["bits"], axis=1) % 2


def class_of_each_step(inputs):
    return np.argmax(inputs["sequence"], axis=-1) % 3


def first_numbers(inputs):
    return inputs["sequence"][:, 0, :1]


def next_two(inputs):
    """The two values after each one, as if a series went round."""
    return np.concatenate([np.roll(inputs["series"], -ahead, axis=1) for ahead in (1, 2)], axis=-1)


def nothing(inputs):
    return None


BINARY_CROSS_ENTROPY = keras.losses.BinaryCrossentropy(from_logits=True)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@dataclasses.dataclass(frozen=True)
class Small:
    """A small network.

    `overfitted` is the loss below which eight examples count as memorised.
    """

    builder: str
    arguments: dict
    inputs: Callable
    targets: Callable
    loss: object
    overfitted: float
    lengths: tuple = (6,)

    def build(self, **changed):
        return getattr(zoo, self.builder)(**{**self.arguments, **changed})

    def compiled(self, jit_compile=False):
        model = self.build()
        model.compile(keras.optimizers.Adam(1e-2), self.loss, jit_compile=jit_compile)
        return model


def small_seq2seq(**arguments):
    sizes = {"source_tokens": 9, "target_tokens": 7, "embedding": 6, "units": 8}
    return Small("seq2seq", {**sizes, **arguments}, token_pairs, next_tokens, CROSS_ENTROPY, 0.3, (6, 3))


def small_sentiment(**arguments):
    sizes = {"tokens": 9, "num_classes": 3, "embedding": 6, "units": 8}
    return Small("sentiment_rnn", {**sizes, **arguments}, text, three_classes, CROSS_ENTROPY, 0.1, (6, 3))


def small_text(builder, **arguments):
    sizes = {"vocabulary_size": 9, "embedding": 12, "units": (16, 12)}
    return Small(builder, {**sizes, **arguments}, running_text, following, CROSS_ENTROPY, 0.4, (6, 3))


def small_time_series(**arguments):
    return Small("time_series_rnn", {"horizon": 2, "units": (16,), **arguments}, series, next_two, "mse", 0.03, (6, 3))


def small_resnet(**arguments):
    sizes = {"input_shape": (8, 8, 1), "num_classes": 3, "blocks": (1, 1), "filters": (4, 8)}
    return Small("resnet", {**sizes, **arguments}, image, three_classes, CROSS_ENTROPY, 0.1)


def small_multitask(**arguments):
    sizes = {"input_shape": (8, 8, 1), "tasks": {"three": 3, "two": 2}, "units": (24, 16), "dropout": 0.1, "penalty": 1e-6}
    return Small("multitask_mlp", {**sizes, **arguments}, image, two_tasks, CROSS_ENTROPY, 0.1)


def small_recurrent(builder, targets=three_classes, loss=CROSS_ENTROPY, **arguments):
    sizes = {"input_shape": (None, 5), "num_classes": 3, "units": 12}
    return Small(builder, {**sizes, **arguments}, sequence, targets, loss, 0.1, (6, 3))


def small_dense(builder, **arguments):
    return Small(builder, {"input_shape": (8, 8, 1), "num_classes": 3, **arguments}, image, three_classes, CROSS_ENTROPY, 0.1)


def small_denoising(**arguments):
    sizes = {"input_shape": (8, 8, 1), "units": (32, 16), "amount": 0.1}
    return Small("denoising_autoencoder", {**sizes, **arguments}, image, the_image, "mse", 0.03)


def small_sparse(**arguments):
    sizes = {"input_shape": (8, 8, 1), "units": 32, "strength": 1e-5}
    return Small("sparse_autoencoder", {**sizes, **arguments}, image, the_image, "mse", 0.01)


SMALL = {
    # The perceptron's own loss is 0 before it has learned anything.
    "perceptron": Small("perceptron", {"input_shape": (30,)}, features, two_classes, "hinge", 0.05),
    "adaline": Small("adaline", {"input_shape": (30,)}, features, two_classes, "mse", 0.05),
    "linear_svm": Small(
        "linear_svm", {"input_shape": (8, 8, 1), "num_classes": 3, "l2": 1e-5}, image, three_classes, multiclass_hinge, 0.05
    ),
    "softmax_regression": small_dense("softmax_regression", l1=1e-6, l2=1e-6),
    "mlp": small_dense("mlp", units=(16, 12), dropout=0.1, l2=1e-6),
    "mlp, prelu": small_dense("mlp", units=(16, 12), activation="prelu", dropout=0.1),
    "mlp, maxout": small_dense("mlp", units=(16,), activation="maxout", dropout=0.1, l1=1e-6),
    "maxout_mlp": small_dense("maxout_mlp", units=(12, 10), pieces=3, dropout=0.1),
    "multitask_mlp": small_multitask(),
    "multitask_mlp, soft": small_multitask(sharing="soft"),
    "siamese_network": Small(
        "siamese_network",
        {"input_shape": (16, 16, 1), "filters": (3, 4), "units": 16, "embedding": 5, "dropout": 0.1},
        image_pair,
        two_classes,
        contrastive_loss,
        0.02,
    ),
    "siamese_network, unit length": Small(
        "siamese_network",
        {"input_shape": (16, 16, 1), "filters": (3, 4), "units": 16, "embedding": 5, "normalize": True},
        image_pair,
        two_classes,
        contrastive_loss,
        0.02,
    ),
    "mnist_cnn": Small(
        "mnist_cnn",
        {"input_shape": (8, 8, 1), "num_classes": 3, "filters": (3, 4), "units": 32, "dropout": 0.1},
        image,
        three_classes,
        CROSS_ENTROPY,
        0.05,
    ),
    "xo_convnet": Small(
        "xo_convnet", {"input_shape": (8, 8, 1), "num_classes": 3, "filters": 8}, image, three_classes, CROSS_ENTROPY, 0.1
    ),
    # Padded to 33 x 33 pixels.
    "lenet5": Small(
        "lenet5", {"input_shape": (19, 19, 1), "num_classes": 3, "padding": 7}, larger_image, three_classes, CROSS_ENTROPY, 0.05
    ),
    "locally_connected_net": Small(
        "locally_connected_net",
        {"input_shape": (8, 8, 1), "num_classes": 3, "filters": (4, 16), "kernel_size": 3, "dropout": 0.1},
        image,
        three_classes,
        CROSS_ENTROPY,
        0.1,
    ),
    "tdnn": Small(
        "tdnn",
        {"input_shape": (None, 5), "num_classes": 3, "filters": (12, 10), "kernel_size": 3, "dilations": (1, 2)},
        sequence,
        three_classes,
        CROSS_ENTROPY,
        0.1,
        (6, 3),
    ),
    "resnet": small_resnet(),
    "resnet, small images": small_resnet(small_images=True),
    "resnet, plain": small_resnet(residual=False),
    "alexnet": Small(
        "alexnet",
        {
            "input_shape": (19, 19, 1),
            "num_classes": 3,
            "filters": (4, 6, 8, 8, 6),
            "kernel_size": 5,
            "strides": 1,
            "units": 16,
            "dropout": 0.1,
        },
        larger_image,
        three_classes,
        CROSS_ENTROPY,
        0.1,
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
    "deep_rnn": small_recurrent("deep_rnn", units=(7, 6)),
    "deep_rnn, bidirectional lstm": small_recurrent("deep_rnn", units=(5, 4), cell="lstm", bidirectional=True),
    "identity_rnn": small_recurrent("identity_rnn", kernel_scale=0.3),
    "latch_rnn": small_recurrent("latch_rnn", memory=6),
    "latch_rnn, gru, each step": small_recurrent("latch_rnn", class_of_each_step, cell="gru", each_step=True),
    "latch_rnn, tanh, number": small_recurrent("latch_rnn", first_numbers, "mse", num_classes=None, cell="tanh"),
    "binary_adder": Small("binary_adder", {"units": 10}, two_numbers, first_number, BINARY_CROSS_ENTROPY, 0.1, (6, 3)),
    "parity_rnn": Small("parity_rnn", {"units": 10, "input_noise": 0.01}, bits, parities, BINARY_CROSS_ENTROPY, 0.1, (6, 3)),
    "sentiment_rnn": small_sentiment(pooling="max", token_dropout=0.1, embedding_dropout=0.1, dropout=0.1),
    "sentiment_rnn, tanh, one direction": small_sentiment(cell="tanh", bidirectional=False),
    "char_rnn": small_text("char_rnn", dropout=0.05),
    "char_rnn, one-hot, tanh": small_text("char_rnn", embedding=None, cell="tanh"),
    "char_rnn, lstm": small_text("char_rnn", cell="lstm"),
    "word_rnn": small_text("word_rnn", tied=True),
    "time_series_rnn": small_time_series(),
    "time_series_rnn, two lstm": small_time_series(units=(12, 10), cell="lstm", dropout=0.05),
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
    "denoising_autoencoder": small_denoising(),
    "denoising_autoencoder, masking": small_denoising(corruption="masking"),
    "sparse_autoencoder": small_sparse(),
    "sparse_autoencoder, l1": small_sparse(penalty="l1"),
    # 64 pixels that are coin tosses cost 64 log 2 = 44 nats.
    "conv_vae": Small(
        "conv_vae", {"input_shape": (8, 8, 1), "filters": (8, 12), "units": (32,), "codings": 2}, image, nothing, None, 42.0
    ),
    "vae": Small("vae", {"input_shape": (8, 8, 1), "units": (16, 8), "codings": 3}, image, nothing, None, 42.0),
    "seq2seq": small_seq2seq(),
    "seq2seq, lstm": small_seq2seq(cell="lstm"),
    "seq2seq, additive, bidirectional lstm": small_seq2seq(cell="lstm", attention="additive", bidirectional=True),
    "seq2seq, dot, bidirectional gru": small_seq2seq(attention="dot", bidirectional=True, dropout=0.1),
}

# Networks of which no weight learns; tests/test_language.py has their checks.
COUNTED = {"ngram"}

DENSE_AUTOENCODER = (
    stacked_autoencoder.encoder,
    stacked_autoencoder.decoder,
    stacked_autoencoder.reconstructor,
    stacked_autoencoder.interpolator,
)
VARIATIONAL_AUTOENCODER = (vae.encoder, vae.decoder, vae.sampler, vae.reconstructor, vae.interpolator, vae.anomaly)

# The networks that are made of a trained one and share its weights.
ENDPOINTS = {
    "perceptron": (perceptron.binary_classifier,),
    "adaline": (perceptron.binary_classifier,),
    "linear_svm": (),
    "binary_adder": (binary_adder.adder,),
    "parity_rnn": (parity_rnn.parity,),
    "latch_rnn": (),
    "identity_rnn": (),
    "deep_rnn": (),
    "softmax_regression": (),
    "mlp": (),
    "maxout_mlp": (),
    "multitask_mlp": (multitask_mlp.classifiers,),
    "siamese_network": (siamese_network.matcher, siamese_network.embedder),
    "mnist_cnn": (),
    "seq2seq": (seq2seq.encoder, seq2seq.decoder_step),
    "stacked_autoencoder": DENSE_AUTOENCODER,
    "denoising_autoencoder": DENSE_AUTOENCODER,
    "sparse_autoencoder": DENSE_AUTOENCODER,
    "xo_convnet": (),
    "lenet5": (),
    "alexnet": (),
    "resnet": (),
    "locally_connected_net": (),
    "tdnn": (tdnn.evidence,),
    "sentiment_rnn": (),
    "char_rnn": (char_rnn.step, char_rnn.reader),
    "word_rnn": (char_rnn.step, char_rnn.reader),
    "time_series_rnn": (time_series_rnn.step, time_series_rnn.forecaster),
    "stacked_lstm": (stacked_lstm.step,),
    "vae": VARIATIONAL_AUTOENCODER,
    "conv_vae": (*VARIATIONAL_AUTOENCODER, vae.latent_map),
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
    "perceptron": ({}, 3),
    "adaline": ({}, 3),
    "linear_svm": ({}, 7_850),
    "softmax_regression": ({}, 7_850),
    "mlp": ({}, 669_706),
    "maxout_mlp": ({}, 377_482),
    "multitask_mlp": ({}, 170_606),
    "multitask_mlp, soft": ({"sharing": "soft"}, 509_102),
    "siamese_network": ({}, 87_104),
    "xo_convnet": ({}, 137),
    "lenet5": ({}, 60_850),
    "lenet5, all maps": ({"partial": False}, 61_750),
    "locally_connected_net": ({}, 137_994),
    "tdnn": ({}, 90_698),
    "alexnet": ({}, 62_378_344),
    "alexnet_small": ({}, 441_610),
    "resnet20": ({}, 271_098),
    "resnet34": ({}, 21_814_696),
    "mnist_cnn": ({}, 3_274_634),
    "stacked_lstm": ({}, 470_110),
    "deep_rnn": ({}, 56_110),
    "identity_rnn": ({}, 13_910),
    "latch_rnn": ({}, 4_418),
    "binary_adder": ({}, 321),
    "parity_rnn": ({}, 305),
    "stacked_autoencoder": ({}, 281_734),
    "stacked_autoencoder, untied": ({"tied": False}, 561_934),
    "denoising_autoencoder": ({}, 561_934),
    "sparse_autoencoder": ({}, 471_484),
    "conv_vae": ({}, 956_837),
    "vae": ({}, 425_284),
    "sentiment_rnn": ({"tokens": 1000}, 130_306),
    "time_series_rnn": ({}, 12_931),
    "char_rnn": ({}, 664_197),
    "word_rnn": ({}, 4_653_605),
    "word_rnn, tied": ({"tied": True}, 2_642_600),
    "ngram": ({}, 3_500_211),
    "seq2seq": ({"source_tokens": 40, "target_tokens": 20, "embedding": 64, "units": 64}, 55_060),
}
