"""A multilayer perceptron: dense layers with dropout, and a linear head.

Source: deck B, "Adding More Layers" (sigmoid, 200-100-60-30) and "Some Improvement" (ReLU, dropout, He initialisation); deck A,
"Neural Networks" (2 and 3 layers, the activations, L1, L2 and elastic net); deck E, "ReLU: Rectified Linear Unit". Two hidden
layers of 512 and the dropout of each follow Srivastava et al. 2014, "Dropout"; their dropout of the inputs is left out. PReLU's
slopes start at 0.25, as in He et al. 2015. No other departures.
"""

import keras
from keras import layers

from zoo.layers.maxout import Maxout

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "maxout")


def mlp(
    input_shape=(28, 28, 1),
    num_classes=10,
    units=(512, 512),
    activation="relu",
    dropout=0.5,
    kernel_initializer="he_normal",
    l1=0.0,
    l2=0.0,
    name="mlp",
):
    """Builds the network: 669,706 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        units: Width of each hidden layer, bottom to top.
        activation: Of the hidden layers: "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01 below 0), "prelu" (slopes that are
            learnt), "elu" or "maxout" (the larger of two affine maps, which doubles the weights).
        dropout: Fraction of each hidden layer's outputs dropped in training.
        kernel_initializer: Name of the initializer of the hidden kernels, such as "he_normal", "glorot_uniform" or "identity".
            The head has "glorot_uniform".
        l1: Weight of the L1 penalty on every kernel, 0 or more.
        l2: Weight of the L2 penalty on every kernel, 0 or more; together with `l1` it is the elastic net.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If there is no such activation.

    Example:
        >>> mlp().count_params()
        669706
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"`activation` of mlp must be one of {', '.join(ACTIVATIONS)}, got {activation!r}.")
    penalty = keras.regularizers.L1L2(l1, l2)
    options = {"kernel_initializer": kernel_initializer, "kernel_regularizer": penalty}
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        if activation == "maxout":
            x = Maxout(width, **options, name=f"dense{index}")(x)
        else:
            x = layers.Dense(width, **options, name=f"dense{index}")(x)
            x = _activation(activation, f"{activation}{index}")(x)
        x = layers.Dropout(dropout, name=f"dropout{index}")(x)
    outputs = layers.Dense(num_classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _activation(activation, name):
    if activation == "prelu":
        return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), name=name)
    if activation == "leaky_relu":
        return layers.LeakyReLU(negative_slope=0.01, name=name)  # Keras's own slope is 0.3
    return layers.Activation(activation, name=name)
