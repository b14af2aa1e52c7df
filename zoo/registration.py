"""Registers the layers, losses and initializers of the zoo with Keras, whichever of the two packages is imported first.

Keras finds a class of a saved model by the name under which it was registered, and a class is registered when its module is
imported. After `import zoo`, `keras.saving.load_model` therefore needs all of these modules. Importing them at once would import
Keras, which takes seconds; so they are imported as soon as Keras is.
"""

import importlib
import importlib.abc
import pkgutil
import sys


def register_with_keras():
    """Imports every module of layers, models, losses and initializers: now if Keras is imported, otherwise when it will be.

    Example:
        >>> import keras
        >>> register_with_keras()
        >>> keras.saving.get_registered_object("zoo>Maxout").__name__
        'Maxout'
    """
    if sys.modules.get("keras") is not None:
        _import_all()
    else:
        sys.meta_path.insert(0, _KerasFinder())


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras as the other finders do, and has `_import_all` called after it was executed."""

    def find_spec(self, fullname, path, target=None):
        if fullname != "keras":
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, others), None)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                _import_all()

            spec.loader.exec_module = execute_and_register
        return spec


def _import_all():
    for package in ("zoo.layers", "zoo.models"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
    importlib.import_module("zoo.losses")
    importlib.import_module("zoo.initializers")
