"""How a model is run on this device, decided from what was measured."""

import keras

from zoo.errors import UsageError

BACKENDS = ("tensorflow", "jax")  # that networks are trained and used with; the others that Keras has lack what this takes
# On two AVX-512 cores XLA halved the speed of bare convolutions and recurrences, and a Python step per batch cost small dense
# networks a third of theirs; benchmarks/training.py measures what recipes gain. Keras 3.15 leaves XLA off on CPUs too.
STEPS_PER_EXECUTION = 20


def check_backend():
    """Raises `UsageError` if Keras runs on a backend that networks are neither trained nor used with here."""
    if keras.backend.backend() not in BACKENDS:
        raise UsageError(f"Keras runs on {keras.backend.backend()}; set KERAS_BACKEND to {' or '.join(BACKENDS)}.")


def choose_execution(model, steps_per_epoch=STEPS_PER_EXECUTION):
    """Sets `jit_compile` and `steps_per_execution` of a compiled model for this device and backend.

    To be called before the model first trains or evaluates: the functions made then keep the number of steps, and would silently
    skip batches after a change.

    Args:
        model: A compiled `keras.Model`.
        steps_per_epoch: Number of batches in an epoch; no more steps than that are run at once.

    Returns:
        What was chosen, as a line for the reader.

    Raises:
        UsageError: If the backend is neither TensorFlow nor JAX.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> "jit_compile=" in choose_execution(model, steps_per_epoch=5)
        True
    """
    check_backend()
    backend = keras.backend.backend()
    on_cpu = all(device.startswith("cpu") for device in keras.distribution.list_devices())
    model.jit_compile = backend == "jax" or not on_cpu
    model.steps_per_execution = min(STEPS_PER_EXECUTION, steps_per_epoch) if backend == "tensorflow" else 1
    device = "CPU" if on_cpu else "accelerator"
    return f"{backend} on {device}: jit_compile={model.jit_compile}, steps_per_execution={model.steps_per_execution}"
