"""The loops of recurrent layers in forms that LiteRT runs with its built-in operations.

Keras writes a recurrent layer's loop with lists of tensors; converted, they need operations that the LiteRT runtime refuses to
run. Inside `portable_loops()` every `keras.layers.RNN`, with whatever cell, is traced as a plain while loop over its cell
instead, with the same arithmetic, masks and states; batch and length stay free. Inside `fused_loops()` a standard LSTM is traced
as a function that the converter turns into one UNIDIRECTIONAL_SEQUENCE_LSTM, for a fixed batch.

The layers are changed where they run their loop, in `inner_loop`, for as long as the context lasts, and not in the model's
graph: so layers inside other layers, as in the loops of decoders, are reached too.
"""

import contextlib
import uuid

import keras
import numpy as np
import tensorflow as tf


@contextlib.contextmanager
def portable_loops():
    """Traces recurrent layers as while loops of built-in operations; Keras as it was afterwards."""
    with _inner_loop(_portable_loop):
        yield


@contextlib.contextmanager
def fused_loops():
    """Traces standard LSTM layers as fused ones, the others as in `portable_loops`.

    Yields:
        A list that gets the name of every layer that was fused.
    """
    fused = []

    def loop(layer, sequences, initial_state, mask, training=False):
        if not _can_be_fused(layer, sequences, initial_state, mask):
            return _portable_loop(layer, sequences, initial_state, mask, training)
        fused.append(layer.name)
        return _fused_loop(layer, sequences, initial_state)

    with _inner_loop(loop):
        yield fused


@contextlib.contextmanager
def folded_time():
    """Traces `TimeDistributed` layers of free length as one call on all steps: Keras's own graph of them cannot be saved."""
    original = keras.layers.TimeDistributed.call

    def call(layer, inputs, training=None, mask=None):
        if inputs.shape[1] is not None:
            return original(layer, inputs, training=training, mask=mask)
        options = {"mask": _fold(mask)} if mask is not None and layer.layer._call_has_mask_arg else {}
        outputs = layer.layer.call(_fold(inputs), **options)  # (batch * time, ...)
        return tf.reshape(outputs, [*tf.unstack(tf.shape(inputs)[:2]), *_sizes(outputs, 1)])

    with _replaced({keras.layers.TimeDistributed: call}, "call"):
        yield


def _inner_loop(loop):
    classes = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU)  # these define it, all others inherit it
    return _replaced(dict.fromkeys(classes, loop), "inner_loop")


@contextlib.contextmanager
def _replaced(functions, name):
    """Gives classes another method, {class: function}, for as long as the context lasts."""
    before = {cls: getattr(cls, name) for cls in functions}
    for cls, function in functions.items():
        setattr(cls, name, function)
    try:
        yield
    finally:
        for cls, function in before.items():
            setattr(cls, name, function)


def _portable_loop(layer, sequences, initial_state, mask, training=False):
    """The arithmetic of Keras's own loop: (last output, outputs, states) for `sequences` (batch, time, ...)."""
    states = initial_state if keras.tree.is_nested(initial_state) else [initial_state]
    steps = tf.shape(sequences)[1]
    frames = _swap_batch_and_time(sequences)  # (time, batch, ...)
    mask = None if mask is None else tf.transpose(tf.cast(_single(mask), tf.bool))  # (time, batch)

    def run_cell(frame, flat_states):
        output, new_states = layer.cell(frame, keras.tree.pack_sequence_as(states, list(flat_states)))
        return output, keras.tree.flatten(new_states)

    flat_states = keras.tree.flatten(states)
    like_output, _ = run_cell(frames[0], flat_states)  # only its shape is used
    size = like_output.shape[1:]
    every = [steps, *tf.unstack(tf.shape(like_output))] if layer.return_sequences else [0]

    def advance(index, outputs, output, *flat_states):
        time = steps - 1 - index if layer.go_backwards else index
        new_output, new_states = run_cell(frames[time], flat_states)
        if mask is not None:
            kept = tf.zeros_like(output) if layer.zero_output_for_mask else output
            new_output = _blend(mask[time], new_output, kept)
            new_states = [_blend(mask[time], new, old) for new, old in zip(new_states, flat_states)]
        if layer.return_sequences:
            outputs = tf.tensor_scatter_nd_update(outputs, tf.reshape(index, (1, 1)), new_output[None])
        return (index + 1, outputs, new_output, *new_states)

    _, outputs, last_output, *flat_states = tf.while_loop(
        lambda index, *_: index < steps,
        advance,
        (tf.constant(0), tf.zeros(every, like_output.dtype), tf.zeros_like(like_output), *flat_states),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None, *size] if layer.return_sequences else [0]),
            like_output.shape,
            *[state.shape for state in flat_states],
        ),
    )
    if layer.return_sequences:
        outputs = _swap_batch_and_time(outputs)
        outputs.set_shape([*sequences.shape[:2], *size])
    else:
        outputs = last_output[:, None]
    return last_output, outputs, keras.tree.pack_sequence_as(states, flat_states)


def _can_be_fused(layer, sequences, initial_state, mask):
    """Whether LiteRT's fused layer computes what this layer does, from a state of zeros, on this batch."""
    if type(layer) is not keras.layers.LSTM or mask is not None or not layer.use_bias or None in sequences.shape:
        return False
    if (layer.activation, layer.recurrent_activation) != (keras.activations.tanh, keras.activations.sigmoid):
        return False
    states = [tf.get_static_value(state) for state in initial_state]
    return all(state is not None and not np.any(state) for state in states)


def _fused_loop(layer, sequences, initial_state):
    # The converter knows the function by these names and by the order of its arguments and results; of its body it reads nothing.
    @tf.function(
        autograph=False,
        experimental_attributes={
            "api_implements": f"lstm_{uuid.uuid4()}",
            "api_preferred_device": "CPU",
            "time_major": False,
            "go_backwards": False,
        },
    )
    def standard_lstm(inputs, h, c, kernel, recurrent_kernel, bias):
        outputs = []
        for frame in tf.unstack(inputs, axis=1):
            i, f, g, o = tf.split(frame @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
            outputs.append(h)
        return h, tf.stack(outputs, axis=1), h, c, tf.constant(0.0)

    if layer.go_backwards:
        sequences = tf.reverse(sequences, (1,))
    weights = (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias)
    # As tensors: given a variable itself, the converter crashes.
    weights = [tf.convert_to_tensor(weight.value) for weight in weights]
    last_output, outputs, h, c, _ = standard_lstm(sequences, *initial_state, *weights)
    return last_output, outputs, [h, c]


def _blend(mask, new, old):
    """`new` where the mask (batch,) is True, else `old`; both (batch, ...)."""
    return tf.where(tf.reshape(mask, [-1] + [1] * (len(new.shape) - 1)), new, old)


def _fold(tensor):
    """(batch, time, ...) to (batch * time, ...)."""
    return tf.reshape(tensor, [-1, *_sizes(tensor, 2)])


def _sizes(tensor, start):
    """The sizes from an axis on, as numbers where they are known."""
    known, sizes = tensor.shape.as_list(), tf.shape(tensor)
    return [sizes[axis] if known[axis] is None else known[axis] for axis in range(start, len(known))]


def _single(mask):
    return mask[0] if keras.tree.is_nested(mask) else mask


def _swap_batch_and_time(tensor):
    return tf.transpose(tensor, (1, 0, *range(2, len(tensor.shape))))
