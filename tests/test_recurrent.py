"""Recurrent cells against the equations of the lectures in NumPy, TensorFlow's and PyTorch's own cells, and JAX.

Run as a script, it writes the golden checkpoint of all cells anew: `python test_recurrent.py`. Old checkpoints must load for
ever: do so only when a cell is added.
"""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zoo import export
from zoo.initializers import ChronoInitializer
from zoo.layers import LayerNormLSTMCell, LayerNormSimpleRNNCell, NoForgetLSTMCell, NormStabilizer, PeepholeLSTMCell
from zoo.layers.layer_norm_simple_rnn import standardize

DATA = pathlib.Path(__file__).parent / "data"
CELLS = {
    "peephole_lstm": PeepholeLSTMCell,
    "no_forget_lstm": NoForgetLSTMCell,
    "layer_norm_lstm": LayerNormLSTMCell,
    "layer_norm_simple_rnn": LayerNormSimpleRNNCell,
}


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def sequence_layer(cell, **arguments):
    return layers.RNN(cell, return_sequences=True, dtype=cell.dtype, **arguments)


def with_random_weights(layer, inputs, seed=1):
    """The layer, built for the inputs, with weights that are all different, biases and gains too."""
    generator = np.random.default_rng(seed)
    layer(inputs)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.weights])
    return layer


def values_and_gradients(layer, inputs, probe):
    """Outputs, and the gradients of `sum(outputs * probe)` to the inputs and every weight, by name."""
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        total = tf.reduce_sum(outputs * probe)
    variables = {"inputs": inputs, **{weight.name: weight.value for weight in layer.weights}}
    return outputs.numpy(), {name: value.numpy() for name, value in tape.gradient(total, variables).items()}


# --- the equations of the lectures ------------------------------------------------------------------------------------------


def sigma(x):
    return 1 / (1 + np.exp(-x))


def normal(a, epsilon=1e-5):
    centred = a - a.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + epsilon)


def gate(name, order, w, x, h):
    """`W [x, h] + b` of one gate: its columns of the weights."""
    units = len(w["recurrent_kernel"])
    columns = slice(order.index(name) * units, (order.index(name) + 1) * units)
    return x @ w["kernel"][:, columns] + h @ w["recurrent_kernel"][:, columns] + w["bias"][columns]


def peephole_step(x, states, w):
    h, c = states
    f = sigma(w["forget_peephole"] * c + gate("f", "ifco", w, x, h))
    i = sigma(w["input_peephole"] * c + gate("i", "ifco", w, x, h))
    c = f * c + i * np.tanh(gate("c", "ifco", w, x, h))
    o = sigma(w["output_peephole"] * c + gate("o", "ifco", w, x, h))
    return o * np.tanh(c), (o * np.tanh(c), c)


def no_forget_step(x, states, w):
    h, c = states
    c = c + sigma(gate("i", "ico", w, x, h)) * np.tanh(gate("c", "ico", w, x, h))
    h = sigma(gate("o", "ico", w, x, h)) * np.tanh(c)
    return h, (h, c)


def layer_norm_lstm_step(x, states, w):
    h, c = states
    sums = w["input_gain"] * normal(x @ w["kernel"]) + w["recurrent_gain"] * normal(h @ w["recurrent_kernel"]) + w["bias"]
    i, f, g, o = np.split(sums, 4, axis=-1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    h = sigma(o) * np.tanh(w["cell_gain"] * normal(c) + w["cell_bias"])
    return h, (h, c)


def layer_norm_simple_rnn_step(x, states, w):
    h = np.tanh(w["gain"] * normal(x @ w["kernel"] + states[0] @ w["recurrent_kernel"]) + w["bias"])
    return h, (h,)


def slides_gru_step(x, states, w):
    """With `z` for what is new, where Keras's and PyTorch's is what is kept."""
    (h,) = states
    z, r = sigma(gate("z", "zrh", w, x, h)), sigma(gate("r", "zrh", w, x, h))
    h = (1 - z) * h + z * np.tanh(gate("h", "zrh", w, x, r * h))
    return h, (h,)


STEPS = {
    "peephole_lstm": (peephole_step, 2),
    "no_forget_lstm": (no_forget_step, 2),
    "layer_norm_lstm": (layer_norm_lstm_step, 2),
    "layer_norm_simple_rnn": (layer_norm_simple_rnn_step, 1),
}


def loop(step, number_of_states, inputs, w):
    """All outputs `(batch, time, units)`, one step after the other from states of zeros."""
    states = [np.zeros((len(inputs), len(w["recurrent_kernel"])))] * number_of_states
    outputs = []
    for x in np.moveaxis(inputs, 1, 0):
        output, states = step(x, states, w)
        outputs.append(output)
    return np.stack(outputs, axis=1)


def loop_gradients(step, number_of_states, inputs, w, probe):
    """The gradients of `sum(outputs * probe)` by complex steps, which are exact: one for each number."""
    arrays, gradients = {"inputs": inputs, **w}, {}
    for name, array in arrays.items():
        gradients[name] = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            stepped = array.astype("complex128")
            stepped[place] += 1e-30j
            changed = {**arrays, name: stepped}
            outputs = loop(step, number_of_states, changed.pop("inputs"), changed)
            gradients[name][place] = (outputs * probe).sum().imag / 1e-30
    return gradients


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_the_equations_of_the_lectures_in_values_and_gradients(name, generator):
    inputs, probe = generator.normal(size=(2, 4, 3)), generator.normal(size=(2, 4, 3))
    layer = with_random_weights(sequence_layer(CELLS[name](3, dtype="float64")), inputs)
    w = {weight.name: np.asarray(weight) for weight in layer.weights}
    outputs, gradients = values_and_gradients(layer, inputs, probe)
    np.testing.assert_allclose(outputs, loop(*STEPS[name], inputs, w), atol=1e-12)
    expected = loop_gradients(*STEPS[name], inputs, w, probe)
    assert set(gradients) == set(expected)
    for weight, gradient in expected.items():
        np.testing.assert_allclose(gradients[weight], gradient, atol=1e-10, err_msg=weight)


def test_the_lectures_gru_is_keras_gru_with_the_update_gate_negated(generator):
    inputs, probe = generator.normal(size=(2, 4, 3)), generator.normal(size=(2, 4, 3))
    layer = layers.GRU(3, reset_after=False, return_sequences=True, dtype="float64")
    with_random_weights(layer, inputs)
    w = {weight.name: np.array(weight) for weight in layer.weights}
    for weight in w.values():
        weight[..., :3] *= -1
    outputs, gradients = values_and_gradients(layer, inputs, probe)
    np.testing.assert_allclose(outputs, loop(slides_gru_step, 1, inputs, w), atol=1e-12)
    for name, gradient in loop_gradients(slides_gru_step, 1, inputs, w, probe).items():
        if name != "inputs":
            gradient[..., :3] *= -1
        np.testing.assert_allclose(gradients[name], gradient, atol=1e-10, err_msg=name)


def test_two_steps_by_hand_are_the_layer_that_runs_over_time():
    """Payberah 2018, "Deep Learning for Poets (Part IV)", RNN in TensorFlow (1/3 and 2/3): four instances of two steps."""
    instances = [[[0, 1, 2], [9, 8, 7]], [[3, 4, 5], [0, 0, 0]], [[6, 7, 8], [6, 5, 4]], [[9, 0, 1], [3, 2, 1]]]
    inputs = np.array(instances, "float32")
    layer = layers.SimpleRNN(5, return_sequences=True, return_state=True, bias_initializer="normal")
    outputs, state = layer(inputs)
    wx, wh, b = layer.get_weights()
    h0 = np.tanh(inputs[:, 0] @ wx + b)
    h1 = np.tanh(h0 @ wh + inputs[:, 1] @ wx + b)
    np.testing.assert_allclose(outputs, np.stack([h0, h1], axis=1), atol=1e-6)
    np.testing.assert_allclose(state, h1, atol=1e-6)


def test_backpropagation_through_time_is_the_sum_over_steps_of_the_lecture(generator):
    """Payberah 2018, "Deep Learning for Poets (Part IV)", BPTT Step by Step (12/20 to 20/20), three steps."""
    x, y = generator.normal(size=(3, 2)), np.eye(3)[[2, 0, 1]]
    recurrent = layers.SimpleRNN(4, use_bias=False, return_sequences=True, dtype="float64")
    head = layers.Dense(3, use_bias=False, activation="softmax", dtype="float64")
    network = with_random_weights(keras.Sequential([keras.Input((3, 2), dtype="float64"), recurrent, head]), x[None])
    with tf.GradientTape() as tape:
        error = -tf.reduce_sum(y * tf.math.log(network(x[None])[0]))
    by_keras = tape.gradient(error, [weight.value for weight in network.weights])

    u, w, v = (weight.T for weight in network.get_weights())  # s = u x + w h, z = v h
    h = [np.zeros(4)]
    for frame in x:
        h.append(np.tanh(u @ frame + w @ h[-1]))
    for_u, for_w, for_v = np.zeros_like(u), np.zeros_like(w), np.zeros_like(v)
    for t in (1, 2, 3):
        exponentials = np.exp(v @ h[t])
        dz = exponentials / exponentials.sum() - y[t - 1]  # dJ/dy dy/dz
        for_v += np.outer(dz, h[t])
        for k in range(1, t + 1):
            row = dz @ v  # dz/dh[t]
            for j in range(t, k, -1):
                row = row @ np.diag(1 - h[j] ** 2) @ w  # dh[j]/ds[j] ds[j]/dh[j-1]
            ds = row @ np.diag(1 - h[k] ** 2)
            for_w += np.outer(ds, h[k - 1])
            for_u += np.outer(ds, x[k - 1])
    for ours, keras_gradient in zip((for_u, for_w, for_v), by_keras):
        np.testing.assert_allclose(keras_gradient, ours.T, atol=1e-12)


def test_gradients_of_the_states_follow_the_backward_rules_of_the_lecture(generator):
    """The lecture of 26 February 2018, Backpropagation rules: Backward, with its last terms read as the forward rules demand.

    The slides write `nabla_h C[t+1]` where the gradient to `C[t+1]` is meant, and `o[t+1]` and `W_hi` in the term of the
    candidate of the next step, which is weighted by `i[t+1]` and seen through `W_hC`.
    """
    x, probe = generator.normal(size=(5, 1, 3)), generator.normal(size=(5, 1, 4))
    cell = PeepholeLSTMCell(4, dtype="float64")
    states = [tf.zeros((1, 4), "float64")] * 2
    with_random_weights(sequence_layer(cell), np.moveaxis(x, 0, 1))
    with tf.GradientTape() as tape:
        tape.watch(states)
        history = [states]
        for frame in x:
            _, states = cell(frame, history[-1])
            history.append(states)
        error = sum(tf.reduce_sum(h * p) for (h, _), p in zip(history[1:], probe))
    by_tape = tape.gradient(error, history)

    w = {weight.name: np.asarray(weight) for weight in cell.weights}
    w_i, w_f, w_c, w_o = np.split(w["recurrent_kernel"], 4, axis=1)
    history = [[state.numpy() for state in states] for states in history]
    later_h = later_c = np.zeros((1, 4))  # the gradients of the next step
    for t in range(5, 0, -1):
        (old_h, old_c), (_, c) = history[t - 1], history[t]
        i = sigma(gate("i", "ifco", w, x[t - 1], old_h) + w["input_peephole"] * old_c)
        f = sigma(gate("f", "ifco", w, x[t - 1], old_h) + w["forget_peephole"] * old_c)
        o = sigma(gate("o", "ifco", w, x[t - 1], old_h) + w["output_peephole"] * c)
        candidate = np.tanh(gate("c", "ifco", w, x[t - 1], old_h))
        for_h = probe[t - 1] + later_h
        through_o = np.tanh(c) * o * (1 - o)
        for_c = for_h * (o * (1 - np.tanh(c) ** 2) + through_o * w["output_peephole"]) + later_c
        np.testing.assert_allclose(by_tape[t][0], for_h, atol=1e-12)
        np.testing.assert_allclose(by_tape[t][1], for_c, atol=1e-12)
        through_f, through_i, through_candidate = old_c * f * (1 - f), candidate * i * (1 - i), i * (1 - candidate**2)
        later_c = for_c * (f + through_f * w["forget_peephole"] + through_i * w["input_peephole"])
        later_h = (for_c * through_f) @ w_f.T + (for_c * through_i) @ w_i.T + (for_c * through_candidate) @ w_c.T
        later_h = later_h + (for_h * through_o) @ w_o.T


# --- other implementations --------------------------------------------------------------------------------------------------


def in_tensorflows_order(weight):
    """From i, f, c, o to TensorFlow's i, c, f, o."""
    i, f, c, o = tf.split(weight, 4, axis=-1)
    return tf.concat([i, c, f, o], axis=-1)


def test_peephole_cell_is_tensorflows_own(generator):
    inputs, probe = (generator.normal(size=(2, 6, size)).astype("float32") for size in (3, 4))
    layer = with_random_weights(sequence_layer(PeepholeLSTMCell(4)), inputs)
    variables = {weight.name: tf.constant(weight) for weight in layer.weights} | {"inputs": tf.constant(inputs)}
    options = {"use_peephole": True, "cell_clip": -1.0, "forget_bias": 0.0}
    zeros = tf.zeros((2, 4))
    with tf.GradientTape() as tape:
        tape.watch(variables)
        rows = in_tensorflows_order(tf.concat([variables["kernel"], variables["recurrent_kernel"]], axis=0))
        peepholes = {f"wc{key[0]}": variables[f"{key}_peephole"] for key in ("input", "forget", "output")}
        weights = {"w": rows, "b": in_tensorflows_order(variables["bias"]), **peepholes}
        frames = tf.transpose(variables["inputs"], (1, 0, 2))
        sequence = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.constant(6, "int64"), x=frames, cs_prev=zeros, h_prev=zeros, **weights, **options
        )
        theirs = tf.transpose(sequence.h, (1, 0, 2))
        total = tf.reduce_sum(theirs * probe)
    outputs, gradients = values_and_gradients(layer, inputs, probe)
    np.testing.assert_allclose(outputs, theirs, atol=1e-6)
    for name, gradient in tape.gradient(total, variables).items():
        np.testing.assert_allclose(gradients[name], gradient, atol=1e-6, rtol=1e-6, err_msg=name)
    c, h = zeros, zeros
    for number, frame in enumerate(frames):
        step = tf.raw_ops.LSTMBlockCell(x=frame, cs_prev=c, h_prev=h, **weights, **options)
        c, h = step.cs, step.h
        np.testing.assert_allclose(outputs[:, number], h, atol=1e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "peephole_lstm"])
def test_lstm_and_gru_are_pytorchs(kind):
    """The cell with peepholes of 0 as well; the file says what PyTorch was asked."""
    theirs = json.loads((DATA / "recurrent.json").read_text(encoding="utf-8"))["GRU" if kind == "GRU" else "LSTM"]
    expected = {name: np.array(value) for name, value in theirs.pop("gradients").items()}
    theirs = {name: np.array(value) for name, value in theirs.items()}

    def keras_order(rows):
        if kind != "GRU":
            return np.moveaxis(rows, 0, -1)  # i, f, g, o
        r, z, n = np.split(rows, 3)
        return np.moveaxis(np.concatenate([z, r, n]), 0, -1)

    if kind == "GRU":
        layer = layers.GRU(4, return_sequences=True, dtype="float64")
        bias = np.stack([keras_order(theirs["bias_ih"]), keras_order(theirs["bias_hh"])])
    else:
        lstm = layers.LSTM(4, return_sequences=True, dtype="float64")
        layer = lstm if kind == "LSTM" else sequence_layer(PeepholeLSTMCell(4, dtype="float64"))
        bias = theirs["bias_ih"] + theirs["bias_hh"]
    layer(theirs["inputs"])
    peepholes = layer.get_weights()[3:]  # zeros
    layer.set_weights([keras_order(theirs["weight_ih"]), keras_order(theirs["weight_hh"]), bias, *peepholes])
    outputs, gradients = values_and_gradients(layer, theirs["inputs"], theirs["probe"])
    np.testing.assert_allclose(outputs, theirs["outputs"], atol=1e-9)
    np.testing.assert_allclose(gradients["inputs"], expected["inputs"], atol=1e-9)
    np.testing.assert_allclose(gradients["kernel"], keras_order(expected["weight_ih"]), atol=1e-9)
    np.testing.assert_allclose(gradients["recurrent_kernel"], keras_order(expected["weight_hh"]), atol=1e-9)
    np.testing.assert_allclose(np.atleast_2d(gradients["bias"])[0], keras_order(expected["bias_ih"]), atol=1e-9)


# --- as Keras's cells -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CELLS)
def test_masked_steps_change_nothing(name, generator):
    inputs = generator.normal(size=(2, 5, 3)).astype("float32")
    layer = with_random_weights(layers.RNN(CELLS[name](4), return_state=True), inputs)
    mask = np.array([[True, False, True, True, False], [False, True, True, False, True]])
    kept = np.stack([example[kept] for example, kept in zip(inputs, mask)])
    for masked, unmasked in zip(layer(inputs, mask=mask), layer(kept)):
        np.testing.assert_allclose(masked, unmasked, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_dropout_works_in_training_only_with_one_mask_for_all_steps(name):
    inputs = np.ones((2, 6, 8), "float32")
    plain = with_random_weights(sequence_layer(CELLS[name](5)), inputs)
    for option in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}):
        layer = sequence_layer(CELLS[name](5, seed=3, **option))
        layer(inputs)
        layer.set_weights(plain.get_weights())
        np.testing.assert_array_equal(layer(inputs, training=False), plain(inputs))
        first, second = np.asarray(layer(inputs, training=True)), np.asarray(layer(inputs, training=True))
        assert not np.array_equal(first, plain(inputs)) and not np.array_equal(first, second)
    # Without its state, a cell of the same inputs and the same mask has the same sums at each step.
    linear = CELLS[name](5, dropout=0.5, recurrent_initializer="zeros", use_bias=False, activation="linear", seed=3)
    outputs = np.asarray(sequence_layer(linear)(inputs, training=True))
    if name == "no_forget_lstm":  # c grows by the same at each step
        np.testing.assert_allclose(outputs, outputs[:, :1] * np.arange(1, 7)[:, None], rtol=1e-4)
    if name == "layer_norm_simple_rnn":
        np.testing.assert_allclose(outputs, np.repeat(outputs[:, :1], 6, axis=1), rtol=1e-4)


@pytest.mark.parametrize("name", CELLS)
def test_cells_run_and_learn_in_mixed_precision(name, generator):
    inputs = generator.normal(size=(4, 5, 3)).astype("float32")
    full = sequence_layer(CELLS[name](4))
    expected = full(inputs)
    cell = CELLS[name](4, dtype="mixed_float16")
    mixed = layers.RNN(cell, return_sequences=True, dtype="mixed_float16")
    mixed(inputs)
    mixed.set_weights(full.get_weights())
    outputs, gradients = values_and_gradients(mixed, inputs, np.ones((4, 5, 4), "float16"))
    assert outputs.dtype == "float16" and all(weight.dtype == "float32" for weight in mixed.weights)
    np.testing.assert_allclose(outputs, expected, atol=0.01)
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


def test_standardize_neither_overflows_nor_vanishes_in_half_precision():
    x = np.array([[1.0, 2.0, 3.0, 4.0]])
    for scale in (1e4, 1e-2):  # the squares are beyond half precision, or nearly nothing in it
        scaled = standardize(keras.ops.convert_to_tensor((x * scale).astype("float16")), 1e-9)
        assert scaled.dtype == "float16"
        np.testing.assert_allclose(scaled, normal(x, 0), rtol=2e-3)


@pytest.mark.parametrize("name", ["peephole_lstm", "layer_norm_lstm"])
def test_forget_gates_begin_open_or_by_chrono_initialization(name):
    layer = layers.RNN(CELLS[name](3))
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.cell.bias, np.repeat([0, 1, 0, 0], 3))
    layer = layers.RNN(CELLS[name](3, bias_initializer=ChronoInitializer(50, seed=2), unit_forget_bias=False))
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.cell.bias, ChronoInitializer(50, seed=2)((12,)))


def test_the_lstm_of_1997_has_no_forget_gate_to_open():
    with pytest.raises(TypeError, match="unit_forget_bias"):
        NoForgetLSTMCell(3, unit_forget_bias=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeepholeLSTMCell(0), "positive integer, got 0"),
        (lambda: NoForgetLSTMCell(-1), "positive integer, got -1"),
        (lambda: LayerNormLSTMCell(3, epsilon=0), "`epsilon` of LayerNormLSTMCell must be positive, got 0"),
        (lambda: LayerNormSimpleRNNCell(3, epsilon=-1), "`epsilon` of LayerNormSimpleRNNCell must be positive, got -1"),
        (lambda: NormStabilizer(-1), "`strength` of NormStabilizer must not be negative, got -1"),
        (lambda: NormStabilizer(1)(np.zeros((2, 3), "float32")), "ndim=3, found ndim=2"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


FULL = {
    "activation": "relu",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "identity",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l1",
    "bias_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "non_neg",
    "bias_constraint": "non_neg",
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
    "seed": 7,
}
PEEPHOLES = {"peephole_initializer": "ones", "peephole_regularizer": "l2", "peephole_constraint": "non_neg"}
LAYER_NORM = {"gain_initializer": "zeros", "epsilon": 1e-3}


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (PeepholeLSTMCell, {**FULL, **PEEPHOLES, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False}),
        (NoForgetLSTMCell, {**FULL, "recurrent_activation": "hard_sigmoid"}),
        (LayerNormLSTMCell, {**FULL, **LAYER_NORM, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False}),
        (LayerNormSimpleRNNCell, {**FULL, **LAYER_NORM}),
    ],
)
def test_config_holds_every_argument(kind, arguments, generator):
    cell = kind(4, **arguments)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cell))
    assert type(copy) is kind and copy.get_config() == cell.get_config()
    default = kind(4).get_config()
    assert set(default) - {"name", "trainable", "dtype", "units"} == set(arguments)
    for name in arguments:
        assert default[name] != cell.get_config()[name], f"this test says nothing about {name}"
    inputs = generator.normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_array_equal(sequence_layer(cell)(inputs).shape, (2, 5, 4))  # without bias
    assert len(cell.losses) == 2 + 3 * (kind is PeepholeLSTMCell)


def test_regularizers_and_constraints_reach_the_peepholes():
    cell = PeepholeLSTMCell(
        3, peephole_initializer="ones", peephole_regularizer=keras.regularizers.L1(2.0), peephole_constraint="non_neg"
    )
    cell.build((None, 2))
    np.testing.assert_allclose(cell.losses, [6.0] * 3)
    for weight in (cell.input_peephole, cell.forget_peephole, cell.output_peephole):
        assert isinstance(weight.constraint, keras.constraints.NonNeg)


# --- the norm stabilizer ----------------------------------------------------------------------------------------------------


def test_norm_stabilizer_is_the_mean_squared_change_of_the_norm(generator):
    states = generator.normal(size=(3, 6, 4)).astype("float32")
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1]], bool)
    norms = np.linalg.norm(states, axis=-1)
    changes = (norms[:, 1:] - norms[:, :-1]) ** 2
    layer = NormStabilizer(0.5)
    np.testing.assert_array_equal(layer(states), states)
    np.testing.assert_allclose(layer.losses, [0.5 * changes.mean()], rtol=1e-5)
    layer(states, mask=mask)
    np.testing.assert_allclose(layer.losses, [0.5 * (changes[0].mean() + changes[1, [0, 3]].mean()) / 3], rtol=1e-5)
    layer(states[:, :1])  # a single step has none before it
    np.testing.assert_array_equal(layer.losses, [0.0])


def test_norm_stabilizer_has_a_gradient_where_the_state_is_zero():
    states = tf.concat([tf.zeros((1, 2, 3)), tf.ones((1, 1, 3))], axis=1)
    layer = NormStabilizer(1.0)
    with tf.GradientTape() as tape:
        tape.watch(states)
        layer(states)
        penalty = layer.losses[0]
    assert np.isfinite(tape.gradient(penalty, states)).all()


def test_norm_stabilizer_makes_the_norm_stable(generator):
    inputs = generator.normal(size=(32, 6, 3)).astype("float32")
    recurrent = layers.SimpleRNN(4, return_sequences=True, kernel_initializer=keras.initializers.GlorotUniform(seed=1))
    model = keras.Sequential([keras.Input((6, 3)), recurrent, NormStabilizer(1.0)])
    model.compile(keras.optimizers.Adam(0.05))
    before = model.evaluate(inputs, batch_size=32, verbose=0)
    norms = np.linalg.norm(recurrent(inputs), axis=-1)
    np.testing.assert_allclose(before, (np.diff(norms, axis=1) ** 2).mean(), rtol=1e-5)
    model.fit(inputs, batch_size=32, epochs=40, verbose=0)
    norms = np.linalg.norm(recurrent(inputs), axis=-1)
    assert (np.diff(norms, axis=1) ** 2).mean() < 0.3 * before


# --- saved, on JAX, exported ------------------------------------------------------------------------------------------------


def all_cells():
    """Every cell in one model, of tokens some of which are masked, each with the norm stabilizer behind it."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(5, 3, mask_zero=True, embeddings_initializer="zeros", name="embedding")(tokens)
    outputs = {}
    for name, cell in CELLS.items():
        zeros = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}  # random ones would be compiled for each shape
        sequence = layers.RNN(cell(4, **zeros), return_sequences=True, name=name)(x)
        outputs[name] = NormStabilizer(0.1, name=f"{name}_stable")(sequence)
    return keras.Model(tokens, outputs, name="all_cells")


TOKENS = np.array([[1, 2, 3, 4, 1], [3, 0, 2, 0, 0]], "int32")


def random_cells():
    return with_random_weights(all_cells(), TOKENS, seed=11)


def test_golden_checkpoint_gives_the_answers_that_it_gave(tmp_path):
    model, golden = all_cells(), np.load(DATA / "recurrent.npz")
    model.load_weights(DATA / "recurrent.weights.h5")
    for name, output in model(TOKENS).items():
        np.testing.assert_allclose(output, golden[name], atol=1e-6, err_msg=name)
    np.testing.assert_allclose(model.losses, golden["losses"], atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, output in loaded(TOKENS).items():
        np.testing.assert_array_equal(output, model(TOKENS)[name])


ON_JAX = """
import sys
import keras, numpy as np
import zoo
model, tokens = keras.saving.load_model(sys.argv[1]), np.load(sys.argv[2])
outputs = model.predict(tokens, verbose=0)
model.fit(tokens, {name: np.zeros_like(output) for name, output in outputs.items()}, batch_size=2, verbose=0)
np.savez(sys.argv[3], **outputs, **{weight.path: np.asarray(weight) for weight in model.weights})
"""


@pytest.mark.slow
def test_saved_cells_load_and_learn_on_jax_in_a_process_that_imported_zoo_only(tmp_path):
    model = random_cells()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "tokens.npy", TOKENS)
    files = [tmp_path / name for name in ("model.keras", "tokens.npy", "jax.npz")]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    run = subprocess.run([sys.executable, "-c", ON_JAX, *files], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    theirs = np.load(files[-1])
    outputs = model.predict(TOKENS, verbose=0)
    before = {weight.path: np.array(weight) for weight in model.weights}
    model.fit(TOKENS, {name: np.zeros_like(output) for name, output in outputs.items()}, batch_size=2, verbose=0)
    for name, output in outputs.items():
        np.testing.assert_allclose(theirs[name], output, atol=2e-6, err_msg=name)
    for weight in model.weights:
        assert (np.asarray(weight) != before[weight.path]).any(), weight.path
        np.testing.assert_allclose(theirs[weight.path], weight, atol=2e-6, err_msg=weight.path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["litert", "onnx", "saved_model"])
def test_cells_are_exported_in_every_format(form, tmp_path, monkeypatch, warm_engines):
    """The export runs each file in its own runtime, LiteRT with built-in operations only, and compares it with Keras."""
    monkeypatch.setattr("zoo.export.check.run_engines", warm_engines)
    path = tmp_path / {"litert": "model.tflite", "onnx": "model.onnx", "saved_model": "1"}[form]
    difference = getattr(export, form)(random_cells(), path)
    assert difference.largest < 5e-6 and path.exists()


if __name__ == "__main__":
    model = random_cells()
    model.save_weights(DATA / "recurrent.weights.h5")
    np.savez_compressed(DATA / "recurrent.npz", **model(TOKENS), losses=[float(loss) for loss in model.losses])
