"""Convolutional networks against the numbers and formulas of the lectures, the papers' counts, and NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import correlate2d
from small import with_random_weights

from zoo import datasets, lenet5, locally_connected_net, tdnn, xo_convnet
from zoo.datasets.xo import SLIDES_X, draw
from zoo.layers.locally_connected import LocallyConnected2D
from zoo.layers.partially_connected import PartiallyConnectedConv2D
from zoo.models.lenet5 import scaled_tanh
from zoo.models.tdnn import evidence, memory


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(3)


def outputs_of(model, names, inputs):
    """What some layers give, as arrays."""
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names])
    return [np.asarray(output) for output in inner(inputs)]


def numbers(text):
    return np.array([[float(number) for number in row.split()] for row in text.strip().splitlines()])


# --- Payberah 2018, "Deep Learning for Poets (Part IV)", A Toy ConvNet: X's and O's --------------------------------------

SLIDES_FILTERS = [
    [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]],
    [[1, -1, 1], [-1, 1, -1], [1, -1, 1]],
    [[-1, -1, 1], [-1, 1, -1], [1, -1, -1]],
]
# "Repeat For All the Filtered Images", as in the text of the slides.
SLIDES_FILTERED = [
    """
    0.77 0    0.33 0.33 0.55 0    0.33
    0    1.00 0    0.33 0    0.33 0
    0.33 0    1.00 0    0.33 0    0.33
    0.33 0.33 0    0.55 0    0.33 0.33
    0.33 0    0.33 0    1.00 0    0.33
    0    0.33 0    0.33 0    1.00 0
    0.33 0    0.33 0.33 0.11 0    0.77
    """,
    """
    0.33 0    0.33 0    0.33 0    0.33
    0    0.55 0    0.33 0    0.33 0
    0.33 0    0.33 0    0.55 0    0.33
    0    0.33 0    1.00 0    0.33 0
    0.33 0    0.33 0    0.55 0    0.33
    0    0.55 0    0.33 0    0.33 0
    0.33 0    0.33 0    0.33 0    0.33
    """,
    """
    0.33 0    0.33 0.33 0.11 0    0.77
    0    0.33 0    0.33 0    1.00 0
    0.33 0    0.33 0    1.00 0    0.33
    0.33 0.33 0    0.55 0    0.33 0.33
    0.33 0    1.00 0    0.33 0    0.55
    0    1.00 0    0.33 0    0.33 0
    0.77 0    0.33 0.33 0.33 0    0.33
    """,
]
SLIDES_POOLED = [
    """
    1.00 0.33 0.55 0.33
    0.33 1.00 0.33 0.55
    0.55 0.33 1.00 0.11
    0.33 0.55 0.11 0.77
    """,
    """
    0.55 0.33 0.55 0.33
    0.33 1.00 0.55 0.11
    0.55 0.55 0.55 0.11
    0.33 0.11 0.11 0.33
    """,
    """
    0.33 0.55 1.00 0.77
    0.55 0.55 1.00 0.33
    1.00 1.00 0.11 0.55
    0.77 0.33 0.55 0.33
    """,
]
# Cells of the filtered maps where the text of the slides has 0.33, by mistake, with what belongs there.
MISREAD = [
    {(0, 2): 0.11, (1, 5): 0.11, (2, 0): 0.11, (2, 4): 0.11, (2, 6): 0.55}
    | {(4, 0): 0.55, (4, 2): 0.11, (4, 6): 0.11, (5, 1): 0.11, (6, 2): 0.55},
    {(0, 2): 0.11, (0, 4): 0.11, (1, 5): 0.55, (2, 0): 0.11, (2, 2): 0.55, (2, 6): 0.11}
    | {(4, 0): 0.11, (4, 2): 0.55, (4, 6): 0.11, (5, 5): 0.55, (6, 2): 0.11, (6, 4): 0.11},
    {(0, 2): 0.55, (1, 1): 0.11, (2, 0): 0.55, (2, 2): 0.11, (2, 6): 0.11}
    | {(4, 0): 0.11, (4, 4): 0.11, (5, 5): 0.11, (6, 2): 0.11, (6, 4): 0.55},
]


def two_digits(array):
    """Truncated, not rounded, as the slides have 0.77 for 7/9 and 0.55 for 5/9."""
    return np.floor(100 * np.asarray(array, "float64") + 1e-4) / 100


def pooled_by_hand(rectified):
    """The largest number of each 2 x 2 window; at the lower and the right edge a window is cut."""
    return np.array(
        [[rectified[row : row + 2, column : column + 2].max() for column in range(0, 7, 2)] for row in range(0, 7, 2)]
    )


def maps_of_the_x():
    filtered, rectified, pooled = outputs_of(xo_convnet(), ["conv1", "relu1", "pool1"], SLIDES_X[None, :, :, None])
    return [np.moveaxis(maps[0], -1, 0) for maps in (filtered, rectified, pooled)]


def test_the_filters_are_those_of_the_slides_and_give_means():
    kernel = xo_convnet().get_layer("conv1").kernel.numpy()
    np.testing.assert_allclose(9 * np.moveaxis(kernel[:, :, 0], -1, 0), SLIDES_FILTERS, rtol=1e-6)


@pytest.mark.parametrize("index", range(3))
def test_the_filtered_and_pooled_maps_of_the_slides(index):
    """All 48 pooled values are those of the slides, and so are all 147 filtered ones but 32, where their text has 0.33.

    There the text contradicts itself: its filtered maps, when pooled, are not the pooled maps beside them; with the 32 values
    corrected, they are.
    """
    filtered, rectified, pooled = (maps[index] for maps in maps_of_the_x())
    by_hand = [
        [np.mean(SLIDES_X[row : row + 3, column : column + 3] * SLIDES_FILTERS[index]) for column in range(7)] for row in range(7)
    ]
    np.testing.assert_allclose(filtered, by_hand, atol=1e-6)
    assert (filtered < 0).any() and (rectified == np.maximum(filtered, 0)).all()

    printed, printed_pooled = numbers(SLIDES_FILTERED[index]), numbers(SLIDES_POOLED[index])
    np.testing.assert_array_equal(two_digits(pooled), printed_pooled)
    assert (pooled_by_hand(printed) != printed_pooled).any()
    assert {printed[cell] for cell in MISREAD[index]} == {0.33}
    for cell, number in MISREAD[index].items():
        printed[cell] = number
    np.testing.assert_array_equal(two_digits(rectified), printed)
    np.testing.assert_array_equal(pooled_by_hand(printed), printed_pooled)


def test_a_cut_window_of_negative_numbers_is_not_pooled_with_zeros(generator):
    negative = generator.uniform(-2, -1, (1, 7, 7, 1)).astype("float32")
    layer = xo_convnet().get_layer("pool1")
    np.testing.assert_array_equal(layer(negative)[0, :, :, 0], pooled_by_hand(negative[0, :, :, 0]))


def test_twelve_numbers_vote_as_in_the_slides():
    assert xo_convnet().get_layer("flatten").output.shape == (None, 12)


def compiled_xo_convnet(**arguments):
    model = xo_convnet(**arguments)
    optimizer = keras.optimizers.Adam(0.02)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False, steps_per_execution=40)
    return model


def test_x_and_o_are_told_apart_wherever_they_are():
    model, letters = compiled_xo_convnet(), datasets.xo.load()
    model.fit(letters.train.inputs["image"], letters.train.targets, batch_size=25, epochs=8, verbose=0)
    assert model.evaluate(letters.test.inputs["image"], letters.test.targets, verbose=0)[1] > 0.99
    shifted = np.stack([draw(letter, shift=np.mgrid[-1:2, -1:2].reshape(2, 9)) for letter in ("O", "X")])  # (2, 9, 9, 9)
    labels = np.argmax(model.predict(shifted.reshape(18, 9, 9, 1), verbose=0), axis=-1)
    assert labels.tolist() == [0] * 9 + [1] * 9


@pytest.mark.parametrize("trained", [False, True])
def test_the_given_filters_are_trained_only_if_asked(trained, generator):
    model = compiled_xo_convnet(trainable_filters=trained)
    before = model.get_weights()
    model.fit(generator.uniform(-1, 1, (80, 9, 9, 1)), np.arange(80) % 2, batch_size=2, verbose=0)
    changed = [not np.array_equal(*pair) for pair in zip(before, model.get_weights())]
    assert changed == [trained, True, True, True, True]


# --- the worked examples of the lectures ---------------------------------------------------------------------------------


def convolved(image, kernel, **options):
    """What a Keras convolution of one filter makes of one image of one channel."""
    kernel = np.asarray(kernel, "float32")
    kind = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}[kernel.ndim]
    layer = kind(1, kernel.shape, use_bias=False, **options)
    inputs = np.asarray(image, "float32")[None, ..., None]
    layer.build(inputs.shape)
    layer.set_weights([kernel[..., None, None]])
    return np.asarray(layer(inputs))[0, ..., 0]


def test_one_dimensional_convolution():
    """Payberah 2018, "Deep Learning for Poets (Part IV)", Convolution Operation - 1D Example.

    It has y = 20 40 40 30 20 30 23.333. Its first slide gives x as 10 50 60 10 20 40 30, the next ones as 10 50 60 10 20 30 40,
    and y is the result for the latter.
    """
    y = [20, 40, 40, 30, 20, 30, 23.333]
    thirds = np.full(3, 1 / 3)
    np.testing.assert_allclose(convolved([10, 50, 60, 10, 20, 30, 40], thirds, padding="same"), y, atol=5e-4)
    first_slide = convolved([10, 50, 60, 10, 20, 40, 30], thirds, padding="same")
    np.testing.assert_allclose(first_slide, [20, 40, 40, 30, 23.333, 30, 23.333], atol=5e-4)


def test_keras_reverses_the_formal_convolution(generator):
    """Payberah 2018, "Deep Learning for Poets (Part IV)", Convolution Operation - More Formal Definition.

    y(k) = sum over n of h(n) x(k - n), where x is 0 before its first value. The filters of Keras are in reverse order.
    """
    x, h = generator.integers(-9, 9, 7), generator.integers(-9, 9, 3)
    y = [sum(h[n] * x[k - n] for n in range(3) if k >= n) for k in range(7)]
    np.testing.assert_allclose(convolved(x, h[::-1], padding="causal"), y)


def test_curve_detector():
    """Payberah 2018, "Deep Learning for Poets (Part IV)", Filters Example (2/3): 4 * 50 * 30 + 20 * 30 = 6600."""
    curve = np.zeros((7, 7))
    curve[[0, 1, 2, 3, 4, 5], [5, 4, 3, 3, 3, 3]] = 30
    receptive_field = numbers(
        """
        0 0 0 0  0  0  30
        0 0 0 0  50 50 50
        0 0 0 20 50 0  0
        0 0 0 50 50 0  0
        0 0 0 50 50 0  0
        0 0 0 50 50 0  0
        0 0 0 50 50 0  0
        """
    )
    assert convolved(receptive_field, curve).tolist() == [[6600.0]]


@pytest.mark.parametrize(
    ("size", "kernel_size", "options", "expected"),
    [
        (32, 5, {}, 28),  # Payberah 2018, "Deep Learning for Poets (Part IV)", Padding: the volume shrinks
        (28, 5, {}, 24),
        (32, 5, {"padding": "same"}, 32),
        (7, 3, {}, 5),  # Dibeklioğlu 2025, GE 461 "Deep Learning": (N - F) / stride + 1
        (7, 3, {"strides": 2}, 3),
        (7, 3, {"padding": "same"}, 7),  # there, too: zero padding of (F - 1) / 2 preserves the size
        (7, 5, {"padding": "same"}, 7),
        (7, 7, {"padding": "same"}, 7),
    ],
)
def test_output_sizes(size, kernel_size, options, expected):
    assert keras.layers.Conv2D(6, kernel_size, **options).compute_output_shape((None, size, size, 3)) == (
        None,
        expected,
        expected,
        6,
    )


def test_zero_padding_is_what_same_means(generator):
    image, kernel = generator.normal(size=(7, 7)), generator.normal(size=(5, 5))
    np.testing.assert_allclose(convolved(image, kernel, padding="same"), convolved(np.pad(image, 2), kernel), atol=1e-4)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (3, 1)])
def test_the_rows_and_columns_that_a_neuron_sees(row, column):
    """Payberah 2018, "Deep Learning for Poets (Part IV)", Stride (1/2).

    Neuron (i, j) sees rows i s_h to i s_h + f_h - 1, and columns j s_w to j s_w + f_w - 1.
    """
    (height, width), (down, across) = (3, 4), (2, 3)
    image = tf.ones((1, 11, 13, 1))
    layer = keras.layers.Conv2D(1, (height, width), strides=(down, across), kernel_initializer="ones")
    with tf.GradientTape() as tape:
        tape.watch(image)
        output = layer(image)[0, row, column, 0]
    expected = np.zeros((11, 13))
    expected[row * down : row * down + height, column * across : column * across + width] = 1
    np.testing.assert_array_equal(tape.gradient(output, image)[0, :, :, 0], expected)


def test_max_pooling():
    """Dibeklioğlu 2025, GE 461 "Deep Learning", MAX Pooling: 6 8 / 3 4.

    The input, lost with the figure, is that of the Stanford course CS231n, to which the slides give credit.
    """
    image = numbers("1 1 2 4\n5 6 7 8\n3 2 1 0\n1 2 3 4").astype("float32")
    assert keras.layers.MaxPooling2D()(image[None, :, :, None])[0, :, :, 0].numpy().tolist() == [[6, 8], [3, 4]]


def test_the_locally_connected_layer_of_the_slides_has_four_million_weights():
    """Kwak 2016, "Introduction to CNNs and RNNs", Locally Connected Layer: 200 x 200 pixels, 40K units, 10 x 10.

    With nine pixels of padding there is one unit for each pixel.
    """
    layer = LocallyConnected2D(1, 10, use_bias=False, kernel_initializer="zeros")
    layer.build((None, 209, 209, 1))
    assert layer.compute_output_shape((None, 209, 209, 1)) == (None, 200, 200, 1)
    assert layer.count_params() == 4_000_000


# --- Payberah 2018, "Deep Learning for Poets (Part IV)", Training CNN (1/4 to 4/4) ---------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_gradients_of_one_convolution(seed):
    """A 3 x 3 input, a 2 x 2 filter, and E = E_h11 + E_h12 + E_h21 + E_h22, forwards, backwards and one update.

    The slides leave E_h open; here it is sin(h), whose derivative is cos(h). Their dh/dw is the pixel next to the weight in the
    forward formulas, which do not reverse the filter.
    """
    generator = np.random.default_rng(seed)
    (x11, x12, x13), (x21, x22, x23), (x31, x32, x33) = x = generator.normal(size=(3, 3)).astype("float32")
    (w11, w12), (w21, w22) = w = generator.normal(size=(2, 2)).astype("float32")
    h11 = w11 * x11 + w12 * x12 + w21 * x21 + w22 * x22
    h12 = w11 * x12 + w12 * x13 + w21 * x22 + w22 * x23
    h21 = w11 * x21 + w12 * x22 + w21 * x31 + w22 * x32
    h22 = w11 * x22 + w12 * x23 + w21 * x32 + w22 * x33
    e11, e12, e21, e22 = np.cos([h11, h12, h21, h22])
    gradient = [
        [e11 * x11 + e12 * x12 + e21 * x21 + e22 * x22, e11 * x12 + e12 * x13 + e21 * x22 + e22 * x23],
        [e11 * x21 + e12 * x22 + e21 * x31 + e22 * x32, e11 * x22 + e12 * x23 + e21 * x32 + e22 * x33],
    ]

    layer = keras.layers.Conv2D(1, 2, use_bias=False)
    layer.build((None, 3, 3, 1))
    layer.set_weights([w[:, :, None, None]])
    with tf.GradientTape() as tape:
        h = layer(x[None, :, :, None])
        error = tf.reduce_sum(tf.sin(h))
    np.testing.assert_allclose(h[0, :, :, 0], [[h11, h12], [h21, h22]], atol=1e-5)
    found = tape.gradient(error, layer.kernel.value)
    np.testing.assert_allclose(found[:, :, 0, 0], gradient, atol=1e-5)
    keras.optimizers.SGD(0.1).apply([found], [layer.kernel])
    np.testing.assert_allclose(layer.kernel[:, :, 0, 0], w - 0.1 * np.array(gradient), atol=1e-5)


# --- LeNet-5 ----------------------------------------------------------------------------------------------------------------

# Table I of the paper: rows are maps of S2, columns maps of C3.
TABLE_1 = [
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
]


def squashed(x):
    return 1.7159 * np.tanh(2 / 3 * x)


def lenet5_by_hand(image, weights):
    """The paper's forward pass, map by map, of one image (28, 28) with pixels in [0, 1]."""

    def subsampled(maps, name):
        coefficients, biases = weights[name]
        height, width = maps.shape[1] // 2, maps.shape[2] // 2
        means = maps.reshape(-1, height, 2, width, 2).mean((2, 4))
        return squashed(means * coefficients.reshape(-1, 1, 1) + biases[:, None, None])

    pixels = np.pad(-0.1 + 1.275 * image, 2, constant_values=-0.1)
    kernel, bias = weights["c1"]
    c1 = squashed(np.stack([correlate2d(pixels, kernel[:, :, 0, k], "valid") + bias[k] for k in range(6)]))
    s2 = subsampled(c1, "s2")
    kernel, bias = weights["c3"]
    c3, used = [], 0
    for k in range(16):
        total = bias[k]
        for j in range(6):
            if TABLE_1[j][k] == "X":
                total = total + correlate2d(s2[j], kernel[:, :, used], "valid")
                used += 1
        c3.append(squashed(total))
    s4 = subsampled(np.stack(c3), "s4")
    kernel, bias = weights["c5"]
    c5 = squashed(np.einsum("cij,ijck->k", s4, kernel) + bias)
    f6 = squashed(c5 @ weights["f6"][0] + weights["f6"][1])
    return f6 @ weights["logits"][0] + weights["logits"][1]


def test_lenet5_is_the_papers_forward_pass(generator):
    model = with_random_weights(lenet5(), generator)
    image = generator.random((28, 28))
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    np.testing.assert_allclose(model(image[None, :, :, None])[0], lenet5_by_hand(image, weights), atol=2e-4)


def test_lenet5_has_the_papers_maps_and_weights():
    """The paper's 60 000 are exactly 60 000; the output of ours is trained, with ten times 84 weights and a bias."""
    found = {layer.name: (layer.output.shape[1:], layer.count_params()) for layer in lenet5().layers}
    assert {name: found[name] for name in ("c1", "s2", "c3", "s4", "c5", "f6", "logits")} == {
        "c1": ((28, 28, 6), 156),
        "s2": ((14, 14, 6), 12),
        "c3": ((10, 10, 16), 1_516),
        "s4": ((5, 5, 16), 32),
        "c5": ((1, 1, 120), 48_120),
        "f6": ((84,), 10_164),
        "logits": ((10,), 850),
    }
    assert sum(count for _, count in found.values()) == 60_000 + 850
    assert lenet5(partial=False).get_layer("c3").count_params() == 16 * (25 * 6 + 1)


def test_scaled_tanh_is_the_papers():
    """f(1) = 1 and f(-1) = -1; the second derivative is largest at 1, where the paper wants the most curvature."""
    x = np.linspace(-4, 4, 2001)
    curvature = np.abs(np.gradient(np.gradient(np.asarray(scaled_tanh(tf.constant(x))), x), x))
    assert abs(abs(x[curvature.argmax()]) - 1) < 0.02
    np.testing.assert_allclose(scaled_tanh(tf.constant([-1.0, 0.0, 1.0])), [-1, 0, 1], atol=1e-4)


def test_a_larger_image_needs_no_padding():
    assert lenet5((32, 32, 3), padding=0).get_layer("c5").output.shape == (None, 1, 1, 120)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: lenet5((27, 28, 1)), r"32 x 32 or larger, got the input shape \(27, 28, 1\) with padding 2"),
        (lambda: xo_convnet((9, 9, 3)), r"images with one channel, got the input shape \(9, 9, 3\)"),
        (lambda: xo_convnet((2, 9, 1)), "zero or negative"),
        (lambda: locally_connected_net((10, 28, 1)), r"at least as large as its kernel, \(5, 5\), got \(3, 12\)"),
        (lambda: tdnn(filters=(3, 3), dilations=(1,)), r"got filters \(3, 3\) and dilations \(1,\)"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(build, message):
    with pytest.raises(ValueError, match=message) as error:
        build()
    assert "\n" not in str(error.value)


# --- partial connections ----------------------------------------------------------------------------------------------------


def test_with_all_connections_it_is_a_convolution(generator):
    everything = PartiallyConnectedConv2D([(0, 1, 2)] * 4, 3, "relu", bias_initializer="ones")
    inputs = generator.normal(size=(2, 6, 5, 3)).astype("float32")
    outputs = everything(inputs)
    convolution = keras.layers.Conv2D(4, 3, activation="relu")
    convolution.build(inputs.shape)
    # Filter by filter, and within a filter channel by channel.
    kernel = np.moveaxis(everything.kernel.numpy().reshape(3, 3, 4, 3), 2, 3)
    convolution.set_weights([kernel, np.ones(4)])
    np.testing.assert_allclose(outputs, convolution(inputs), atol=1e-5)


def test_a_filter_feels_its_own_channels_only():
    layer = PartiallyConnectedConv2D([(0,), (2, 1), (0, 2)], 1)
    image = tf.Variable(tf.ones((1, 1, 1, 3)))
    with tf.GradientTape() as tape:
        outputs = layer(image)
    jacobian = tape.jacobian(outputs, image).numpy().reshape(3, 3)  # (filters, channels)
    a, b, c, d, e = layer.kernel.numpy().ravel()
    np.testing.assert_array_equal(jacobian, [[a, 0, 0], [0, c, b], [d, 0, e]])


def test_windows_are_drawn_as_for_a_convolution_over_all_channels():
    layer = PartiallyConnectedConv2D([(0, 1), (1, 2), (2, 3)] * 8, 5, kernel_initializer=keras.initializers.GlorotUniform(1))
    layer.build((None, 9, 9, 4))
    windows = layer.kernel.numpy().reshape(25, 48)
    assert len(np.unique(windows, axis=1).T) == 48
    limit = np.sqrt(6 / (25 * 4 + 25 * 24))
    assert 0.98 * limit < np.abs(windows).max() <= limit


def test_partial_connections_in_half_precision(generator):
    layer = PartiallyConnectedConv2D([(0,), (0, 1)], 2, dtype="mixed_float16")
    inputs = generator.normal(size=(1, 4, 4, 2)).astype("float16")
    assert layer(inputs).dtype == "float16" and layer.kernel.dtype == "float32"
    exact = PartiallyConnectedConv2D.from_config({**layer.get_config(), "dtype": "float32"})
    exact.build(inputs.shape)
    exact.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(inputs), exact(inputs.astype("float32")), atol=5e-3)


@pytest.mark.parametrize(
    ("connections", "kernel_size", "message"),
    [
        ([], 3, "different channels for each filter"),
        ([(0,), ()], 3, "different channels for each filter"),
        ([(0, 0)], 3, "different channels for each filter"),
        ([(-1,)], 3, "different channels for each filter"),
        ([(0,)], 0, "positive integer, got 0"),
        ([(0,)], (3, 3), "positive integer"),
        ([(0, 3)], 3, r"needs inputs of 4 channels, got shape \(1, 5, 5, 3\)"),
    ],
)
def test_wrong_partial_connections_are_named(connections, kernel_size, message):
    with pytest.raises(ValueError, match=message):
        PartiallyConnectedConv2D(connections, kernel_size)(np.zeros((1, 5, 5, 3), "float32"))


# --- the locally connected network --------------------------------------------------------------------------------------------


def test_a_local_unit_sees_its_window_with_weights_of_its_own(generator):
    model = locally_connected_net((12, 12, 1), filters=(3, 2), kernel_size=4)
    image = tf.Variable(generator.random((1, 12, 12, 1)), dtype="float32")
    first = keras.Model(model.input, model.get_layer("local1").output)
    model.get_layer("local1").bias.assign(tf.ones((5, 5, 3)))  # every unit is awake
    with tf.GradientTape(persistent=True) as tape:
        outputs = first(image)
        units = [tf.reduce_sum(outputs[0, row, 2]) for row in (1, 3)]
    windows = []
    for row, unit in zip((1, 3), units):
        gradient = tape.gradient(unit, image).numpy()[0, :, :, 0]
        window = (slice(2 * row, 2 * row + 4), slice(4, 8))
        windows.append(gradient[window].copy())
        gradient[window] = 0
        assert not gradient.any()
    assert np.abs(windows[0]).min() > 0 and np.abs(windows[0] - windows[1]).max() > 0.1


def test_sharing_the_weights_would_save_them():
    """Kwak 2016, "Introduction to CNNs and RNNs", Locally Connected Layer.

    Each position has its own window, so the weights are those of a convolution times the number of positions.
    """
    model = locally_connected_net()
    for name, positions, window, filters in (("local1", 12 * 12, 5 * 5 * 1, 8), ("local2", 4 * 4, 5 * 5 * 8, 32)):
        assert model.get_layer(name).count_params() == positions * (window * filters + filters)


# --- the time-delay network ---------------------------------------------------------------------------------------------------


def tdnn_by_hand(sequence, layers):
    """Each output from the present and earlier steps, of which those before the beginning count as zeros."""
    for kernel, bias, dilation in layers:
        size, outputs = len(kernel), []
        for time in range(len(sequence)):
            total = bias
            for back in range(size):
                if time - back * dilation >= 0:
                    total = total + sequence[time - back * dilation] @ kernel[size - 1 - back]
            outputs.append(np.maximum(total, 0))
        sequence = np.array(outputs)
    return sequence


def test_tdnn_is_a_function_of_delayed_inputs(generator):
    model = with_random_weights(tdnn((None, 3), 4, (6, 5), 3, (1, 2)), generator)
    sequence = generator.normal(size=(11, 3))
    layers = [(*model.get_layer(f"conv{index}").get_weights(), dilation) for index, dilation in ((1, 1), (2, 2))]
    kernel, bias = model.get_layer("logits").get_weights()
    by_hand = tdnn_by_hand(sequence, layers) @ kernel + bias
    np.testing.assert_allclose(evidence(model)(sequence[None])["evidence"][0], by_hand, atol=1e-5)
    np.testing.assert_allclose(model(sequence[None])[0], by_hand.mean(0), atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "dilations"), [(3, (1, 1)), (3, (1, 2)), (2, (1, 2, 4)), (1, (1,))])
def test_an_input_is_felt_for_exactly_the_memory(kernel_size, dilations, generator):
    """ "Deep Learning: Recurrent Networks", lecture of 26 February 2018, "BIBO" Stability.

    Time-delay structures have bounded output, here because an input is forgotten after `memory` steps.
    """
    model = with_random_weights(tdnn((None, 2), 3, (16,) * len(dilations), kernel_size, dilations), generator)
    for layer in model.layers[1:-2]:
        layer.bias.assign(np.full(16, 3.0))  # every unit is awake
    sequence = generator.normal(size=(1, 24, 2)) / 5
    changed = sequence.copy()
    changed[:, 6] += 0.1
    before, after = (evidence(model)(each)["evidence"].numpy()[0] for each in (sequence, changed))
    felt = np.flatnonzero((before != after).any(-1))
    assert felt[0] == 6 and felt[-1] == 6 + memory(kernel_size, dilations) - 1


def test_what_is_seen_later_is_answered_later(generator):
    model = with_random_weights(tdnn((None, 2), 3, (5, 4), 3, (1, 2)), generator)
    sequence = generator.normal(size=(1, 15, 2))
    whole, later = (evidence(model)(each)["evidence"].numpy()[0] for each in (sequence, sequence[:, 4:]))
    known = memory(3, (1, 2)) - 1
    np.testing.assert_allclose(whole[4 + known :], later[known:], atol=1e-5)
    assert np.abs(whole[4 : 4 + known] - later[:known]).max() > 1e-3


def echoed(delay, generator):
    """How often a time-delay network with a memory of 7 is right about the sign that came `delay` steps ago."""
    model = tdnn((None, 1), 2, (12, 12), 3, (1, 2))
    known = keras.layers.Cropping1D((10, 0))(evidence(model)(model.input)["evidence"])
    answers = keras.Model(model.input, known)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    answers.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"], jit_compile=False, steps_per_execution=40)

    def series(examples, length):
        signs = generator.integers(0, 2, (examples, length))
        return 2.0 * signs[:, :, None] - 1, signs[:, 10 - delay : length - delay]

    answers.fit(*series(1280, 30), batch_size=32, epochs=3, verbose=0)
    return answers.evaluate(*series(200, 60), verbose=0)[1]


def test_an_echo_is_learned_within_the_memory_and_not_beyond(generator):
    assert memory(3, (1, 2)) == 7
    assert echoed(6, generator) > 0.99
    assert echoed(7, generator) < 0.55
