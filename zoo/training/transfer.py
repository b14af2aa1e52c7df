"""Transfer learning: a network begins with what it learned from other data, and gets a new head.

Source: Yosinski et al. 2014, "How transferable are features in deep neural networks?"
"""

from zoo import saved
from zoo.errors import UsageError
from zoo.recipe import Phase

# Of the epochs, the head learns alone first: through a head that knows nothing, gradients would undo what is there.
HEAD_SHARE = 4
# What was learned is changed in smaller steps.
FINE_TUNING = 0.1


class Transfer:
    """The weights of a trained network, for another one of the same name.

    Args:
        name: Name of the recipe.
        folder: The folder of saved models that holds it.

    Attributes:
        card: The card of the trained network.

    Raises:
        UsageError: If it was not trained there.
    """

    def __init__(self, name, folder):
        try:
            self.model = saved.load(name, folder)
        except UsageError as error:
            example = f"zoo train {name} data=... --folder {folder}"
            raise UsageError(f"--from {folder}: {error} With other data that is `{example}`.") from error
        self.card = saved.read_card(saved.find_saved(name, folder))
        self.folder = folder

    def __call__(self, model):
        """Copies every weight but the head's.

        Raises:
            UsageError: If the networks differ in more than their heads.
        """
        trained = {layer.name: layer for layer in self.model.layers}
        for layer in body(model):
            shapes = [tuple(weight.shape) for weight in layer.weights]
            there = [tuple(weight.shape) for weight in trained[layer.name].weights] if layer.name in trained else None
            if there != shapes:
                raise UsageError(
                    f"layer `{layer.name}` has the shapes {shapes} here and {there} in {self.folder}; "
                    "give the settings and the form of data that the trained network has."
                )
            layer.set_weights(trained[layer.name].get_weights())


def transfer_phases(settings, model):
    """The head alone for a quarter of the epochs, then everything at a tenth of the learning rate.

    Args:
        settings: With `epochs` and `learning_rate`.
        model: The network that will be trained.

    Returns:
        Two of `Phase`.

    Raises:
        UsageError: If there are not two epochs, or the recipe has no learning rate.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense"), keras.layers.Dense(1, name="head")])
        >>> [(phase.epochs, phase.learns) for phase in transfer_phases({"epochs": 10, "learning_rate": 0.1}, model)]
        [(3, ('head',)), (7, None)]
    """
    if settings["epochs"] < 2:
        raise UsageError(f"got epochs={settings['epochs']} with --from; expected 2 or more: the head learns alone first.")
    if "learning_rate" not in settings:
        raise UsageError("got --from for a recipe without the setting learning_rate; expected one, for it is lowered at the end.")
    kept = body(model)
    learning = tuple(layer.name for layer in model.layers if layer.weights and layer not in kept)
    head = -(-settings["epochs"] // HEAD_SHARE)
    return [
        Phase("head", head, learns=learning),
        Phase("all", settings["epochs"] - head, learning_rate=settings["learning_rate"] * FINE_TUNING),
    ]


def body(model):
    """The layers with weights, but for the head: the last ones before the outputs."""
    heads = {_last_with_weights(tensor) for tensor in model.outputs}
    return [layer for layer in model.layers if layer.weights and layer not in heads]


def _last_with_weights(tensor):
    """The layer that a tensor comes from, or before it, such as below a pooling, the nearest that has weights."""
    layer = tensor._keras_history.operation
    while not getattr(layer, "weights", None) and len(before := layer._inbound_nodes[0].input_tensors) == 1:
        layer = before[0]._keras_history.operation
    return layer
