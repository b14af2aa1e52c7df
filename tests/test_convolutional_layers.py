"""Layers that Keras does not have, against loops over every position, other formulations, TensorFlow, and JAX.

Run as a script, it writes what they all give on the backend of `KERAS_BACKEND`: `python test_convolutional_layers.py FOLDER`.
"""

import itertools
import json
import math
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from zoo import losses
from zoo.layers.local_response_normalization import LocalResponseNormalization
from zoo.layers.locally_connected import LocallyConnected1D, LocallyConnected2D, with_fans
from zoo.layers.maxout import Maxout
from zoo.layers.soft_sharing import SoftSharing

FORMATS = ["channels_last", "channels_first"]


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def with_random_weights(layer, inputs, seed=1):
    """The layer, built for the inputs, with weights that are all different, biases too."""
    generator = np.random.default_rng(seed)
    layer(inputs)
    layer.set_weights([generator.uniform(-1, 1, weight.shape) for weight in layer.weights])
    return layer


def small_network(initializer="he_normal"):
    """Every layer of this file in one functional model with two outputs."""
    weights = {"kernel_initializer": initializer, "bias_initializer": initializer}
    x = image = keras.Input((9, 8, 3), name="image")
    x = LocallyConnected2D(6, (3, 2), strides=(2, 1), activation="relu", **weights, name="local2d")(x)
    x = LocalResponseNormalization(alpha=0.5, name="normalize")(x)  # (4, 7, 6)
    x = keras.layers.Reshape((4, 42), name="rows")(x)
    x = LocallyConnected1D(5, 2, **weights, name="local1d")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = Maxout(8, 3, **weights, name="maxout")(x)
    columns = [keras.layers.Dense(4, activation="tanh", **weights, name=f"{name}_column") for name in ("digit", "parity")]
    digit, parity = SoftSharing(columns, 0.1, name="columns")(x)
    heads = {
        "digit": keras.layers.Dense(10, **weights, name="digit")(digit),
        "parity": keras.layers.Dense(1, **weights, name="parity")(parity),
    }
    return keras.Model(image, heads, name="small")


# --- locally connected layers ---------------------------------------------------------------------------------------------


def loop(inputs, kernel, bias, kernel_size, strides, data_format):
    """One position, one filter after the other. A window's numbers lie in the order of the inputs, as in Keras 2."""
    first = data_format == "channels_first"
    spatial = inputs.shape[2:] if first else inputs.shape[1:-1]
    positions = [(size - window) // stride + 1 for size, window, stride in zip(spatial, kernel_size, strides)]
    filters = kernel.shape[-1]
    outputs = np.zeros((len(inputs), filters, *positions) if first else (len(inputs), *positions, filters), kernel.dtype)
    bias = bias.reshape(outputs.shape[1:])
    for number, position in enumerate(itertools.product(*map(range, positions))):
        window = tuple(slice(at * stride, at * stride + size) for at, stride, size in zip(position, strides, kernel_size))
        for example, unit in itertools.product(range(len(inputs)), range(filters)):
            patch = inputs[(example, slice(None), *window)] if first else inputs[(example, *window)]
            place = (unit, *position) if first else (*position, unit)
            outputs[(example, *place)] = sum(patch.ravel() * kernel[number, :, unit]) + bias[place]
    return outputs


def dense(inputs, kernel, bias, kernel_size, strides, data_format):
    """The same as one large matrix from all inputs to all outputs, almost all of it zero."""
    first = data_format == "channels_first"
    shape, filters = inputs.shape[1:], kernel.shape[-1]
    spatial = shape[1:] if first else shape[:-1]
    positions = [(size - window) // stride + 1 for size, window, stride in zip(spatial, kernel_size, strides)]
    matrix = np.zeros((*shape, *positions, filters), kernel.dtype)
    window_shape = (shape[0], *kernel_size) if first else (*kernel_size, shape[-1])
    untied = kernel.reshape(*positions, *window_shape, filters)
    for position in np.ndindex(*positions):
        window = tuple(slice(at * stride, at * stride + size) for at, stride, size in zip(position, strides, kernel_size))
        channels = (slice(None), *window) if first else (*window, slice(None))
        matrix[(*channels, *position, slice(None))] = untied[position]
    outputs = inputs.reshape(len(inputs), -1) @ matrix.reshape(math.prod(shape), -1)
    outputs = outputs.reshape(len(inputs), *positions, filters)
    if first:
        outputs = np.moveaxis(outputs, -1, 1)
    return outputs + bias.reshape(outputs.shape[1:])


@st.composite
def local_cases(draw, rank):
    size = st.integers(1, 3)
    kernel_size, strides = (tuple(draw(size) for _ in range(rank)) for _ in range(2))
    spatial = tuple(window + draw(st.integers(0, 4)) for window in kernel_size)
    channels, filters, batch, seed = draw(size), draw(size), draw(size), draw(st.integers(0, 1000))
    return kernel_size, strides, spatial, channels, filters, batch, seed, draw(st.sampled_from(FORMATS))


def check_local(layer_class, case):
    kernel_size, strides, spatial, channels, filters, batch, seed, data_format = case
    shape = (batch, channels, *spatial) if data_format == "channels_first" else (batch, *spatial, channels)
    inputs = np.random.default_rng(seed).normal(size=shape)
    layer = layer_class(filters, kernel_size, strides, data_format=data_format, dtype="float64")
    with_random_weights(layer, inputs, seed)
    kernel, bias = layer.get_weights()
    outputs = layer(inputs)
    assert layer.compute_output_shape(shape) == tuple(outputs.shape)
    for other in (loop, dense):
        np.testing.assert_allclose(outputs, other(inputs, kernel, bias, kernel_size, strides, data_format), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(local_cases(rank=2))
def test_locally_connected_2d_is_the_loop_over_positions(case):
    check_local(LocallyConnected2D, case)


@settings(max_examples=25, deadline=None)
@given(local_cases(rank=1))
def test_locally_connected_1d_is_the_loop_over_positions(case):
    check_local(LocallyConnected1D, case)


def ramp(*shape):
    return (np.arange(math.prod(shape)) % 7 - 3).reshape(shape).astype("float32")


# What tf_keras 2.16, which is Keras 2, gives for these weights.
KERAS_2 = [
    (LocallyConnected2D, (1, 3, 4, 2), (1, 2), "channels_last", [1, 10, 26, 35, 34, 68, 58, 68, 78, 84, 105, 91]),
    (LocallyConnected2D, (1, 2, 3, 4), (1, 2), "channels_first", [7, 2, 9, 14, 42, 39, 62, 69, 70, 97, 115, 131]),
    (LocallyConnected1D, (1, 5, 2), 3, "channels_last", [6, 17, 21, 43, 50, 36]),
    (LocallyConnected1D, (1, 2, 5), 3, "channels_first", [12, 9, 18, 27, 38, 45]),
]


@pytest.mark.parametrize(("layer_class", "shape", "strides", "data_format", "expected"), KERAS_2)
def test_locally_connected_layers_take_the_weights_of_keras_2(layer_class, shape, strides, data_format, expected):
    layer = layer_class(3, 2, strides=strides, data_format=data_format)
    layer.build(shape)
    kernel, bias = layer.weights
    assert tuple(kernel.shape) == ((4, 8, 3) if layer.rank == 2 else (2, 4, 3))
    assert tuple(bias.shape) == ((2, 2, 3) if layer.rank == 2 else (2, 3))
    layer.set_weights([ramp(*kernel.shape), 10 * np.arange(math.prod(bias.shape)).reshape(bias.shape)])
    assert np.asarray(layer(ramp(*shape))).ravel().tolist() == expected


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("number", range(3))
def test_locally_connected_2d_is_what_pytorch_computes(number, data_format):
    """By `unfold` and `einsum` on the same weights; the file says how."""
    theirs = json.loads((pathlib.Path(__file__).parent / "data/locally_connected.json").read_text(encoding="utf-8"))
    case = theirs["cases"][number]
    image, weights, bias, maps = (np.array(case[name]) for name in ("image", "weights", "bias", "maps"))
    if data_format == "channels_last":
        image, weights = np.moveaxis(image, 1, -1), np.moveaxis(weights, 1, 3)
    else:
        bias, maps = np.moveaxis(bias, -1, 0).reshape(bias.shape), np.moveaxis(maps, -1, 1)
    sizes = case["filters"], tuple(case["kernel_size"]), tuple(case["strides"])
    layer = LocallyConnected2D(*sizes, data_format=data_format, dtype="float64")
    layer.build(image.shape)
    layer.set_weights([weights.reshape(layer.kernel.shape), bias])
    np.testing.assert_allclose(layer(image), maps, atol=1e-6)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("rank", [1, 2])
def test_locally_connected_layers_are_convolutions_when_all_positions_share_a_kernel(rank, strides, generator):
    shape = (2, 9, 7, 3)[: rank + 1] + (3,)
    inputs = generator.normal(size=shape).astype("float32")
    convolution = (keras.layers.Conv1D, keras.layers.Conv2D)[rank - 1](4, 3, strides, activation="tanh")
    kernel, bias = with_random_weights(convolution, inputs).get_weights()
    for data_format in FORMATS:
        ours = inputs if data_format == "channels_last" else np.moveaxis(inputs, -1, 1)
        layer = (LocallyConnected1D, LocallyConnected2D)[rank - 1](4, 3, strides, data_format=data_format, activation="tanh")
        layer.build(ours.shape)
        shared = kernel if data_format == "channels_last" else np.moveaxis(kernel, -2, 0)
        biases = np.broadcast_to(bias, layer.bias.shape)
        if data_format == "channels_first":
            biases = np.moveaxis(biases, -1, 0).reshape(biases.shape)
        layer.set_weights([np.broadcast_to(shared.reshape(-1, 4), layer.kernel.shape), biases])
        outputs = np.asarray(layer(ours))
        outputs = outputs if data_format == "channels_last" else np.moveaxis(outputs, 1, -1)
        np.testing.assert_allclose(outputs, convolution(inputs), atol=2e-6)


def test_locally_connected_2d_without_bias_has_one_weight(generator):
    layer = LocallyConnected2D(4, (3, 2), use_bias=False)
    inputs = generator.normal(size=(1, 4, 4, 2)).astype("float32")
    with_random_weights(layer, inputs)
    assert [tuple(weight.shape) for weight in layer.weights] == [(6, 12, 4)]
    expected = loop(inputs, layer.get_weights()[0], np.zeros((2, 3, 4)), (3, 2), (1, 1), "channels_last")
    np.testing.assert_allclose(layer(inputs), expected, atol=1e-6)


@pytest.mark.parametrize(("initializer", "scale"), [("glorot_uniform", 6 / (32 + 50)), ("he_uniform", 6 / 32)])
@pytest.mark.parametrize(
    ("layer_class", "arguments", "inputs"),
    [
        (LocallyConnected2D, (50, 4), (20, 20, 2)),
        (LocallyConnected2D, (50, 4, 1, "valid", "channels_first"), (2, 20, 20)),
        (LocallyConnected1D, (50, 16), (300, 2)),
        (Maxout, (50, 200), (32,)),
    ],
)
def test_initializers_count_the_fans_of_one_position_or_piece(layer_class, arguments, inputs, initializer, scale):
    """32 inputs and 50 outputs."""
    keras.utils.set_random_seed(3)
    layer = layer_class(*arguments, kernel_initializer=initializer)
    layer.build((None, *inputs))
    kernel, limit = layer.get_weights()[0], math.sqrt(scale)
    assert 0.999 * limit < np.abs(kernel).max() <= limit
    assert abs(kernel.std() / (limit / math.sqrt(3)) - 1) < 0.01
    assert np.unique(kernel).size > 0.9 * kernel.size  # no position repeats another's


def test_with_fans_changes_variance_scaling_only_and_keeps_its_seed():
    he = keras.initializers.HeNormal(seed=4)
    ours = with_fans(he, [1], [2])
    assert type(ours) is keras.initializers.HeNormal and he.input_axes is None
    np.testing.assert_allclose(ours((30, 5, 4)), math.sqrt(4 * 30 / 4) * he((30, 5, 4)), rtol=1e-5)
    assert abs(np.std(ours((300, 50, 4))) - math.sqrt(2 / 50)) < 0.01
    constant, named = keras.initializers.Constant(2.0), keras.initializers.VarianceScaling(input_axes=[0], output_axes=[2])
    assert with_fans(constant, [1], [2]) is constant and with_fans(named, [1], [2]) is named


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, "at least 1, got 0"),
        ({"kernel_size": (3, 0)}, r"`kernel_size` of LocallyConnected2D must be 2 positive integers or one, got \(3, 0\)"),
        ({"kernel_size": (3, 3, 3)}, "2 positive integers"),
        ({"strides": 0}, "`strides` of LocallyConnected2D must be 2 positive integers or one, got 0"),
        ({"strides": (1, 1.5)}, "`strides`"),
        ({"padding": "same"}, "`padding` of LocallyConnected2D must be \"valid\", got 'same'"),
        ({"data_format": "NHWC"}, "got 'NHWC'"),
    ],
)
def test_locally_connected_2d_refuses_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocallyConnected2D(**{"filters": 4, "kernel_size": 3, **arguments})


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (LocallyConnected2D(4, (3, 5)), (None, 8, 4, 1), r"at least as large as its kernel, \(3, 5\), got \(8, 4\)"),
        (LocallyConnected2D(4, 3, data_format="channels_first"), (None, 3, 2, 9), r"\(3, 3\), got \(2, 9\).*channels_first"),
        (LocallyConnected1D(4, 5), (None, 4, 8), r"\(5,\), got \(4,\)"),
        (LocallyConnected2D(4, 3), (None, None, 8, 1), r"fixed size, got shape \(None, None, 8, 1\)"),
        (LocallyConnected1D(4, 3), (None, 8, None), "fixed size"),
        (LocallyConnected2D(4, 3), (None, 8, 8), "ndim=4, found ndim=3"),
    ],
    ids=str,
)
def test_locally_connected_layers_refuse_inputs(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(keras.KerasTensor(shape))


def test_locally_connected_2d_refuses_another_size_after_it_was_built():
    layer = LocallyConnected2D(2, 3)
    layer(np.zeros((1, 6, 4, 1), "float32"))
    with pytest.raises(ValueError, match="incompatible"):
        layer(np.zeros((1, 4, 6, 1), "float32"))


def traced(size, channels=4, filters=3, window=5, batch=2):
    import tensorflow as tf

    layer = LocallyConnected2D(filters, window)
    layer.build((batch, size, size, channels))
    function = tf.function(layer).get_concrete_function(tf.TensorSpec((batch, size, size, channels)))
    return function.graph.get_operations()


def test_locally_connected_2d_neither_unrolls_positions_nor_makes_a_dense_matrix():
    few, many = traced(7), traced(40)
    assert len(few) == len(many)
    positions, window, batch, filters = 36**2, 5 * 5 * 4, 2, 3
    largest = max(
        output.shape.num_elements() for operation in many for output in operation.outputs if output.shape.is_fully_defined()
    )
    assert largest == positions * window * max(batch, filters)


# --- maxout -----------------------------------------------------------------------------------------------------------------


def test_maxout_is_the_largest_of_its_maps():
    layer = Maxout(2, pieces=2)
    layer.build((None, 2))
    kernel = [[[1.0, 0.0], [-1.0, 2.0]], [[1.0, 1.0], [0.0, 0.0]]]  # features, pieces, units
    layer.set_weights([np.array(kernel), np.array([[0.5, 0.0], [0.0, -1.0]])])
    # Unit 0: max(a + b + 0.5, -a); unit 1: max(b, 2a - 1)
    np.testing.assert_allclose(layer(np.array([[1.0, 2.0], [-3.0, 1.0], [2.0, -1.0]])), [[3.5, 2.0], [3.0, 1.0], [1.5, 3.0]])


@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 3), (2, 1, 4, 3)])
def test_maxout_works_on_the_last_axis(shape, generator):
    inputs = generator.normal(size=shape)
    layer = with_random_weights(Maxout(6, 4, dtype="float64"), inputs)
    kernel, bias = layer.get_weights()
    maps = [inputs @ kernel[:, piece] + bias[piece] for piece in range(4)]
    np.testing.assert_allclose(layer(inputs), np.max(maps, axis=0), atol=1e-12)
    assert layer.compute_output_shape(shape) == (*shape[:-1], 6)


def test_maxout_with_one_piece_is_dense(generator):
    inputs = generator.normal(size=(3, 4)).astype("float32")
    maxout, plain = Maxout(5, 1), keras.layers.Dense(5)
    kernel, bias = with_random_weights(plain, inputs).get_weights()
    maxout.build(inputs.shape)
    maxout.set_weights([kernel[:, None], bias[None]])
    np.testing.assert_allclose(maxout(inputs), plain(inputs), rtol=1e-6)


def test_maxout_without_bias_and_with_a_mask():
    layer = Maxout(2, use_bias=False)
    tokens = keras.layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 2, 0]]))
    assert len(layer.weights) == 0 and np.asarray(layer(tokens)._keras_mask).tolist() == [[True, True, False]]
    assert [tuple(weight.shape) for weight in layer.weights] == [(3, 2, 2)]


@pytest.mark.parametrize("arguments", [(0, 2), (3, 0)])
def test_maxout_refuses_no_units_and_no_pieces(arguments):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        Maxout(*arguments)


# --- local response normalization -------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    channels=st.integers(1, 9),
    radius=st.integers(0, 4),
    bias=st.floats(0.5, 3),
    alpha=st.floats(0, 2),
    beta=st.floats(0.1, 2),
    seed=st.integers(0, 1000),
)
def test_local_response_normalization_is_tensorflows_and_the_loop(channels, radius, bias, alpha, beta, seed):
    import tensorflow as tf

    image = np.random.default_rng(seed).normal(size=(2, 3, 2, channels)).astype("float32")
    arguments = {"size": 2 * radius + 1, "bias": bias, "alpha": alpha, "beta": beta}
    ours = LocalResponseNormalization(**arguments)(image)
    np.testing.assert_allclose(ours, tf.nn.local_response_normalization(image, radius, bias, alpha, beta), rtol=1e-5, atol=1e-7)
    expected = np.zeros(image.shape)
    for place in np.ndindex(image.shape):
        channel = place[-1]
        around = image[place[:-1]][max(0, channel - radius) : min(channels - 1, channel + radius) + 1].astype("float64")
        expected[place] = image[place] / (bias + alpha * (around**2).sum()) ** beta
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    first = LocalResponseNormalization(**arguments, data_format="channels_first")(np.moveaxis(image, -1, 1))
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), ours, rtol=1e-6)


def test_local_response_normalization_has_the_papers_values():
    x = np.arange(1.0, 8.0, dtype="float32")[None] * 100
    energy = [sum(v**2 for v in x[0, max(0, i - 2) : i + 3]) for i in range(7)]
    np.testing.assert_allclose(LocalResponseNormalization()(x)[0], x[0] / (2 + 1e-4 * np.array(energy)) ** 0.75, rtol=1e-5)


def test_local_response_normalization_does_not_overflow_in_half_precision():
    x = np.full((1, 2, 2, 8), 1000.0, "float16")
    outputs = LocalResponseNormalization(dtype="float16")(x)
    assert outputs.dtype == "float16"
    expected = 1000 / (2 + 1e-4 * np.array([3, 4, 5, 5, 5, 5, 4, 3]) * 1e6) ** 0.75
    np.testing.assert_allclose(outputs[0, 0, 0], expected, rtol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 4}, "odd number of channels, got 4"),
        ({"size": -1}, "got -1"),
        ({"bias": 0}, "positive, got 0"),
        ({"alpha": -1}, "negative, got -1"),
        ({"data_format": "first"}, "got 'first'"),
    ],
)
def test_local_response_normalization_refuses_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocalResponseNormalization(**arguments)


# --- soft sharing -----------------------------------------------------------------------------------------------------------


def dense_columns(number=2, units=3, **kwargs):
    return [keras.layers.Dense(units, bias_initializer="normal", **kwargs) for _ in range(number)]


def test_soft_sharing_adds_the_squared_distances_of_all_pairs(generator):
    inputs = generator.normal(size=(4, 5)).astype("float32")
    columns = dense_columns(3, activation="tanh")
    layer = SoftSharing(columns, strength=0.3)
    outputs = layer(inputs)
    for column, output in zip(columns, outputs):
        kernel, bias = column.get_weights()
        np.testing.assert_allclose(output, np.tanh(inputs @ kernel + bias), atol=1e-6)
    flat = [np.concatenate([weight.ravel() for weight in column.get_weights()]) for column in columns]
    expected = 0.3 * sum(((flat[a] - flat[b]) ** 2).sum() for a, b in ((0, 1), (0, 2), (1, 2)))
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)
    layer(inputs[:1])
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)  # neither the batch nor an earlier call counts


def trained_columns(strength, frozen=False):
    """The kernels of two tasks with opposite targets, y = x and y = -x, before and after training."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(64, 2)).astype("float32")
    inputs = keras.Input((2,))
    columns = [keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(value)) for value in (0.5, -0.2)]
    columns[0].trainable = not frozen
    one, other = SoftSharing(columns, strength)(inputs)
    model = keras.Model(inputs, {"one": one, "other": other})
    model.compile(keras.optimizers.SGD(0.05), {"one": "mse", "other": "mse"})
    y = x.sum(axis=1, keepdims=True)
    model.fit(np.tile(x, (60, 1)), {"one": np.tile(y, (60, 1)), "other": np.tile(-y, (60, 1))}, batch_size=64, verbose=0)
    return [column.get_weights()[0].ravel() for column in columns]


def test_soft_sharing_pulls_the_tasks_together():
    apart, near = trained_columns(0.0), trained_columns(1.0)
    np.testing.assert_allclose(apart, [[1, 1], [-1, -1]], atol=0.05)
    assert np.abs(near[0] - near[1]).max() < 0.8
    frozen = trained_columns(1.0, frozen=True)
    np.testing.assert_array_equal(frozen[0], np.float32([0.5, 0.5]))
    assert np.abs(frozen[1]).max() < 0.5  # alone it goes to -1


def test_soft_sharing_runs_one_input_per_column_whole_models_and_running_means_apart(generator):
    columns = [keras.Sequential([keras.layers.Dense(3), keras.layers.BatchNormalization(scale=False)]) for _ in range(2)]
    layer = SoftSharing(columns, strength=1.0)
    inputs = [generator.normal(size=(8, 2)).astype("float32") for _ in columns]
    for output, column, each in zip(layer(inputs), columns, inputs):
        np.testing.assert_allclose(output, column(each), atol=1e-6)
    before = float(layer.losses[0])
    columns[0].layers[1].moving_mean.assign([5.0, 5.0, 5.0])
    layer(inputs)
    assert float(layer.losses[0]) == before
    in_training = layer(inputs, training=True)[0]
    np.testing.assert_allclose(np.mean(in_training, axis=0), np.zeros(3), atol=1e-5)


def test_soft_sharing_leaves_masks_to_its_layers():
    tokens = keras.layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 2, 0]]))
    for each in SoftSharing(dense_columns())(tokens):
        assert np.asarray(each._keras_mask).tolist() == [[True, True, False]]
    lstms = [keras.layers.LSTM(2) for _ in range(2)]
    for each, lstm in zip(SoftSharing(lstms)(tokens), lstms):
        assert getattr(each, "_keras_mask", None) is None
        np.testing.assert_allclose(each, lstm(tokens[:, :2]), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SoftSharing(dense_columns(1)), "two or more layers, one per task, got 1"),
        (lambda: SoftSharing(dense_columns(), strength=-1), "negative, got -1"),
        (lambda: SoftSharing(dense_columns())([np.zeros((1, 2))] * 3), "SoftSharing needs one input or 2, one per layer, got 3"),
        (lambda: SoftSharing([*dense_columns(1), *dense_columns(1, 4)])(np.zeros((1, 2))), r"same shapes: .*\(2, 3\).*\(2, 4\)"),
        (lambda: SoftSharing([*dense_columns(1), *dense_columns(1, use_bias=False)])(np.zeros((1, 2))), "same shapes"),
    ],
)
def test_soft_sharing_refuses_what_cannot_be_compared(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- all layers -------------------------------------------------------------------------------------------------------------

LAYERS_AND_INPUTS = [
    (lambda: LocallyConnected2D(2, (3, 2), (2, 1), activation="tanh", dtype="float64"), (2, 5, 3, 2)),
    (lambda: LocallyConnected2D(2, 2, 2, data_format="channels_first", dtype="float64"), (1, 2, 5, 4)),
    (lambda: LocallyConnected1D(2, 3, 2, activation="tanh", dtype="float64"), (2, 6, 2)),
    (lambda: Maxout(4, 3, dtype="float64"), (5, 3)),
    (lambda: LocalResponseNormalization(size=3, alpha=0.7, dtype="float64"), (2, 3, 2, 5)),
    (lambda: SoftSharing(dense_columns(3, dtype="float64"), 0.4, dtype="float64"), (4, 2)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS_AND_INPUTS)
def test_gradients_are_finite_differences(make, shape, generator):
    import tensorflow as tf

    inputs = tf.Variable(generator.normal(size=shape))
    layer = with_random_weights(make(), inputs)
    probes = [generator.normal(size=output.shape) for output in keras.tree.flatten(layer(inputs))]

    def objective():
        outputs = keras.tree.flatten(layer(inputs))
        return sum(tf.reduce_sum(output * probe) for output, probe in zip(outputs, probes)) + sum(layer.losses)

    variables = [inputs, *(weight.value for weight in layer.weights)]
    with tf.GradientTape() as tape:
        value = objective()
    for variable, gradient in zip(variables, tape.gradient(value, variables)):
        gradient, start = tf.convert_to_tensor(gradient).numpy(), variable.numpy()
        for _ in range(8):
            direction = generator.normal(size=start.shape)
            slope = 0.0
            for sign in (1, -1):
                variable.assign(start + sign * 1e-6 * direction)
                slope += sign * float(objective()) / 2e-6
            np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-6)
        variable.assign(start)


def test_a_network_of_them_learns_is_saved_and_says_its_shapes(tmp_path, generator):
    keras.utils.set_random_seed(1)
    model = small_network()
    expected = {
        "local2d": (None, 4, 7, 6),
        "normalize": (None, 4, 7, 6),
        "local1d": (None, 3, 5),
        "maxout": (None, 8),
        "columns": [(None, 4), (None, 4)],
    }
    for name, shape in expected.items():
        output = model.get_layer(name).output
        assert (output.shape if name != "columns" else [each.shape for each in output]) == shape
    # 28 positions of 18 inputs, 3 of 84, 3 maps from 15, two columns, two heads
    assert model.count_params() == 28 * 19 * 6 + 3 * 85 * 5 + 3 * 16 * 8 + 2 * 9 * 4 + 50 + 5
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), {"digit": cross_entropy, "parity": losses.perceptron_criterion})
    image, digit = generator.normal(size=(32, 9, 8, 3)).astype("float32"), generator.integers(0, 10, 32)
    before = model.get_weights()
    history = model.fit(image, {"digit": digit, "parity": digit % 2}, epochs=15, verbose=0).history["loss"]
    assert history[-1] < 0.6 * history[0]
    assert all((old != new).any() for old, new in zip(before, model.get_weights()))

    outputs = model(image)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, output in loaded(image).items():
        np.testing.assert_array_equal(output, outputs[name])
    assert float(loaded.losses[0]) == float(model.losses[0]) > 0
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = small_network()
    fresh.load_weights(tmp_path / "model.weights.h5")
    for other in (clone, fresh):
        np.testing.assert_array_equal(other(image)["digit"], outputs["digit"])


def test_a_network_of_them_runs_in_mixed_precision(generator):
    image = generator.normal(size=(2, 9, 8, 3)).astype("float32")
    full = small_network()
    expected = full(image)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = small_network()
        mixed.set_weights(full.get_weights())
        outputs = mixed(image)
        # Squares of 1e-4 are zero in half precision.
        columns = mixed.get_layer("columns").layers
        columns[0].set_weights([weight + 1e-4 for weight in columns[1].get_weights()])
        mixed(image)
    finally:
        keras.config.set_dtype_policy("float32")
    assert outputs["digit"].dtype == "float16"
    for name, output in outputs.items():
        np.testing.assert_allclose(output, expected[name], atol=0.02)
    assert mixed.losses[0].dtype == "float32"
    np.testing.assert_allclose(mixed.losses[0], 0.1 * 36 * 1e-8, rtol=1e-2)
    assert all(weight.dtype == "float32" for weight in mixed.weights)


FULL = {
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
}


@pytest.mark.parametrize(
    "layer",
    [
        LocallyConnected2D(3, (2, 4), (1, 2), "valid", "channels_first", "relu", False, **FULL, activity_regularizer="l2"),
        LocallyConnected1D(3, 2, 4, "valid", "channels_first", "relu", False, **FULL),
        Maxout(3, 4, False, **FULL),
        LocalResponseNormalization(3, 1.5, 0.1, 0.5, "channels_first"),
        SoftSharing([keras.layers.Dense(2), keras.layers.Dense(2)], 0.5),
    ],
    ids=lambda layer: layer.name,
)
def test_config_holds_every_argument(layer):
    config = layer.get_config()
    arguments = set(type(layer).__init__.__code__.co_varnames[1 : type(layer).__init__.__code__.co_argcount])
    assert arguments <= set(config)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer) and copy.get_config() == config
    required = {"layers": dense_columns()} | {name: 9 for name in ("filters", "kernel_size", "units")}
    default = type(layer)(**{name: required[name] for name in required if name in arguments})
    for name in arguments - {"layers", "padding"}:
        assert default.get_config()[name] != config[name], f"this test says nothing about {name}"


@pytest.mark.parametrize(("make", "shape"), [(LocallyConnected2D, (4, 5, 2)), (LocallyConnected1D, (5, 2)), (Maxout, (4,))])
def test_regularizers_and_constraints_reach_their_weights(make, shape):
    arguments = {"kernel_regularizer": keras.regularizers.L2(0.5), "bias_regularizer": keras.regularizers.L1(2.0)}
    layer = make(3, 2, **arguments, kernel_constraint="non_neg", bias_constraint="max_norm", bias_initializer="ones")
    layer.build((None, *shape))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(layer.losses, [0.5 * (kernel**2).sum(), 2 * bias.size], rtol=1e-5)
    assert isinstance(layer.kernel.constraint, keras.constraints.NonNeg)
    assert isinstance(layer.bias.constraint, keras.constraints.MaxNorm)


def everything():
    """Outputs, losses, and weights after a step of training, from fixed weights and inputs, as NumPy arrays."""
    generator = np.random.default_rng(7)
    results = {}
    image = generator.normal(size=(3, 9, 8, 3)).astype("float32")
    network = small_network("zeros")  # random ones would be compiled for each shape
    network.set_weights([generator.uniform(-0.3, 0.3, weight.shape) for weight in network.weights])
    results |= network.predict(image, verbose=0)
    for layer in (LocallyConnected2D, LocallyConnected1D):
        first = layer(2, 2, 2, data_format="channels_first", kernel_initializer="zeros")
        inputs = generator.normal(size=(2, 3, 5, 4)[: layer.rank + 2]).astype("float32")
        results[layer.__name__] = with_random_weights(first, inputs)(inputs)
    scores, labels = generator.normal(size=(6, 4)).astype("float32"), generator.integers(0, 4, 6)
    same, signs = generator.integers(0, 2, (6, 4)), generator.choice([-1, 1], (6, 4))
    results["multiclass_hinge"] = losses.multiclass_hinge(labels, scores)
    results["mean_bias_error"] = losses.mean_bias_error(same, scores)
    results["contrastive_loss"] = losses.contrastive_loss(same, np.abs(scores))
    results["sum_of_distances"] = losses.sum_of_distances(same, np.abs(scores))
    results["perceptron_criterion"] = losses.perceptron_criterion(signs, scores)
    # The gradient of the perceptron at a score of 0, and those of everything else.
    unit = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    unit.compile(keras.optimizers.SGD(1.0), losses.perceptron_criterion)
    unit.fit(scores, signs[:, :1], batch_size=6, verbose=0)
    results["perceptron"] = unit.get_weights()[0]
    network.compile(keras.optimizers.SGD(0.05), {"digit": losses.MulticlassHinge(2.0), "parity": losses.ContrastiveLoss(1.5)})
    results["loss"] = network.fit(image, {"digit": labels[:3], "parity": same[:3, 0]}, verbose=0).history["loss"]
    results |= {f"trained {weight.path}": weight for weight in network.weights}
    return {name: ops.convert_to_numpy(value) for name, value in results.items()}


@pytest.mark.slow
def test_jax_gives_what_tensorflow_gives(tmp_path):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen([sys.executable, __file__, tmp_path], env=environment, stderr=subprocess.PIPE, text=True) as run:
        ours = everything()
        _, errors = run.communicate()
    assert run.returncode == 0, errors
    theirs = np.load(tmp_path / "jax.npz")
    assert set(ours) == set(theirs)
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, atol=5e-6, rtol=1e-5, err_msg=name)


if __name__ == "__main__":
    np.savez(pathlib.Path(sys.argv[1]) / f"{keras.backend.backend()}.npz", **everything())
