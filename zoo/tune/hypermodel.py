"""A network of the zoo for a person's own search with KerasTuner."""

import keras
import keras_tuner

from zoo import finder as recipes
from zoo.data.batches import Batches
from zoo.endpoints import default_endpoint
from zoo.errors import UsageError
from zoo.execution import choose_execution
from zoo.optimizers import scheduled
from zoo.training.evaluate import EVALUATION_BATCH, measured
from zoo.tune.oracles import objective_of


def hypermodel(name: str, settings: tuple[str, ...] | list[str] = ()) -> "RecipeHyperModel":
    """A `keras_tuner.HyperModel` that builds and fits a network by the space and the settings of its recipe.

    `zoo tune` searches too, in a process for each trial, with checkpoints and a report; this is for a tuner of your own.

    Args:
        name: Name of a network, or the path of a recipe file.
        settings: Settings that are not searched, as texts `key=value`, such as "data=digits".

    Returns:
        The hypermodel. A tuner's `search()` without arguments fits on the recipe's own data and validates on its validation part;
        `objective` is the recipe's target, for the tuner.

    Raises:
        UsageError: If there is no such network, its recipe has no space, or its data are missing.

    Example:
        `keras_tuner.RandomSearch(zoo.hypermodel("mnist_cnn"), "val_accuracy", max_trials=10).search()`

        >>> hypermodel("mnist_cnn", ["data=digits"]).objective.name
        'val_accuracy'
    """
    recipe = recipes.find(name)
    if recipe.space is None:
        raise UsageError(f"the recipe of {name} has no space to search; give it a function `space`.")
    return RecipeHyperModel(recipes.name_of(name), recipe, tuple(settings))


class RecipeHyperModel(keras_tuner.HyperModel):
    """See `hypermodel`.

    Args:
        name: Name of the network.
        recipe: Its `Recipe`.
        overrides: Settings that are not searched, as texts `key=value`.

    Attributes:
        data: The `Data` that it is fitted on.
        objective: The `keras_tuner.Objective` of the recipe's target on the validation part.
    """

    def __init__(self, name, recipe, overrides):
        super().__init__(name=name)
        self.recipe, self.overrides = recipe, overrides
        self.data = recipe.load_data(recipe.settings(overrides))
        direction = "max" if recipe.target.at_most is None else "min"
        self.objective = keras_tuner.Objective(objective_of(recipe.target), direction)

    def settings(self, hp):
        """Every setting of a trial, from its `keras_tuner.HyperParameters`."""
        searched = [f"{key}={value}" for key, value in self.recipe.space(hp).items()]
        return self.recipe.settings([*searched, *self.overrides])

    def build(self, hp):
        """The compiled model of a trial."""
        settings = self.settings(hp)
        model = self.recipe.build_model(settings, self.data.contract)
        steps = -(-len(self.data.train) // settings["batch_size"])
        if settings["schedule"] != "constant":
            rate = float(model.optimizer.learning_rate)
            model.optimizer.learning_rate = scheduled(rate, settings["schedule"], steps * settings["epochs"])
        choose_execution(model, steps)
        return model

    def fit(self, hp, model, *args, epochs=None, callbacks=(), **kwargs):
        """Fits a trial on the recipe's data; arguments are those of `keras.Model.fit`, and data given there are taken instead."""
        settings = self.settings(hp)
        epochs = settings["epochs"] if epochs is None else epochs
        if args or "x" in kwargs:
            return model.fit(*args, epochs=epochs, callbacks=list(callbacks), **kwargs)
        outputs = model.output_names
        batches = Batches(self.data.train, self.data.contract, settings["batch_size"], settings["seed"], outputs)
        validation = Batches(self.data.validation, self.data.contract, EVALUATION_BATCH, outputs=outputs)
        own = [_OrderAndMeasure(self.recipe, self.data, batches), *callbacks]
        return model.fit(batches, epochs=epochs, validation_data=validation, callbacks=own, shuffle=False, **kwargs)


class _OrderAndMeasure(keras.callbacks.Callback):
    """Orders the batches of each epoch as `zoo train` does, and adds what the recipe measures to the epoch's numbers."""

    def __init__(self, recipe, data, batches):
        super().__init__()
        self.recipe, self.data, self.batches = recipe, data, batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.recipe.measure is not None:
            endpoint = default_endpoint(self.recipe, self.model, self.data.contract)
            found = measured(self.recipe, endpoint, self.data.validation, self.data.contract)
            logs.update({f"val_{name}": float(value) for name, value in found.items()})
