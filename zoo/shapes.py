"""Checks of input shapes."""


def require_fixed_size(network: str, input_shape: tuple[int | None, ...]) -> None:
    """Checks the input shape of a network whose layers need to know how many numbers one example has.

    Args:
        network: Name of the network, for the message.
        input_shape: Shape of one example.

    Raises:
        ValueError: If a size is None.

    Example:
        >>> require_fixed_size("mlp", (None, 28, 1))
        Traceback (most recent call last):
        ValueError: mlp needs inputs of a fixed size, got the input shape (None, 28, 1); give each size as a number.
    """
    if None in input_shape:
        shape = tuple(input_shape)
        raise ValueError(f"{network} needs inputs of a fixed size, got the input shape {shape}; give each size as a number.")
