"""A multilayer perceptron: dense layers with dropout, and a linear head.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", Adding More Layers (sigmoid, 200-100-60-30) and Some Improvement
(ReLU, dropout, He initialisation); Dibeklioğlu 2025, GE 461 "Deep Learning", Neural Networks (two and three layers, the
activations) and Weight Regularization (L1, L2 and elastic net); Kwak 2016, "Introduction to CNNs and RNNs", ReLU: Rectified
Linear Unit. The two hidden layers of 512, each with dropout, follow Srivastava et al. 2014, "Dropout: A Simple Way to Prevent
Neural Networks from Overfitting", without their dropout of the inputs. The slopes of PReLU start at 0.25, as in He et al. 2015,
"Delving Deep into Rectifiers". No other departures.
"""

import keras
from keras import layers

from zoo.layers import Maxout
from zoo.shapes import require_fixed_size

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "maxout")


def mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    units: tuple[int, ...] = (512, 512),
    activation: str = "relu",
    dropout: float = 0.5,
    kernel_initializer: str = "he_normal",
    l1: float = 0.0,
    l2: float = 0.0,
    name: str = "mlp",
) -> keras.Model:
    """Builds the network: 669,706 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        units: Width of each hidden layer, bottom to top.
        activation: Activation of the hidden layers: "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01 below 0), "prelu"
            (learned slopes), "elu" or "maxout" (the larger of two affine maps, which doubles the weights).
        dropout: Fraction of each hidden layer's outputs dropped in training.
        kernel_initializer: Name of the initializer of the hidden kernels, such as "he_normal", "glorot_uniform" or "identity".
            That of the head is "glorot_uniform".
        l1: Weight of the L1 penalty on every kernel, 0 or more.
        l2: Weight of the L2 penalty on every kernel, 0 or more; with both the penalty is the elastic net.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If `activation` is unknown, or the examples do not have a fixed size.

    Example:
        >>> mlp().count_params()
        669706
    """
    require_fixed_size(name, input_shape)
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
        return layers.LeakyReLU(negative_slope=0.01, name=name)  # the default of Keras is 0.3
    return layers.Activation(activation, name=name)
