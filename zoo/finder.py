"""Finds recipes: a packaged one by its name, a person's own by its file."""

import ast
import importlib
import importlib.util
import pathlib
import sys

from zoo.errors import UsageError
from zoo.files import sha256
from zoo.recipe import Recipe
from zoo.types import nearest


def recipe_names():
    """The names of all packaged recipes, in alphabetical order, without importing one."""
    return sorted(path.stem for path in _packaged().glob("*.py") if path.stem != "__init__")


def find(name):
    """The recipe of a name, or of a file.

    Args:
        name: Name of a packaged recipe, whatever its case, or the path of a person's own recipe file, which ends in `.py`. A file
            is run as Python: it is the person's own code.

    Raises:
        UsageError: If there is none, or the file cannot be run, or holds no `recipe`.

    Example:
        >>> find("mnist_cnn").target.metric
        'accuracy'
    """
    file = recipe_file(name)
    if file.parent == _packaged():
        return importlib.import_module(f"zoo.recipes.{file.stem}").recipe
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # as an import does, so that Keras finds the classes of the file again
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:
        sys.modules.pop(file.stem)
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        reason = str(getattr(error, "msg", None) or error).partition("\n")[0]
        raise UsageError(f"{name}{line} cannot be run as a recipe ({type(error).__name__}: {reason}).") from error
    recipe = getattr(module, "recipe", None)
    if not isinstance(recipe, Recipe):
        raise UsageError(f"{name} holds no recipe; expected it to end in `recipe = Recipe(...)`, as `zoo copy` writes it.")
    return recipe


def recipe_file(name):
    """The file of a recipe: a packaged one by its name, whatever its case, or a person's own, `.py`.

    Raises:
        UsageError: If there is none, or a person's own has a name that cannot be told from a packaged one.
    """
    text = str(name)
    known = recipe_names()
    if not text.endswith(".py"):
        if text.lower() in known:
            return _packaged() / f"{text.lower()}.py"
        raise UsageError(
            f"there is no network {text!r}{nearest(text.lower(), known)} `zoo list` shows all; your own recipe is a .py file."
        )
    file = pathlib.Path(text)
    if not file.is_file():
        raise UsageError(f"there is no recipe file {text}; write one with `zoo copy NETWORK {text}`.")
    if file.stem.lower() in known:
        raise UsageError(f"{text} has the name of a packaged network, and so would its results; give the file another name.")
    if not file.stem.isidentifier():
        raise UsageError(f"{text} has a name that Python cannot import; use letters, digits and _, a letter first.")
    return file.resolve()


def name_of(name):
    """The name of a network, under which its results are saved: that of its recipe file.

    Raises:
        UsageError: If there is no such recipe.

    Example:
        >>> name_of("MNIST_CNN")
        'mnist_cnn'
    """
    return recipe_file(name).stem


def own_file(name):
    """What a card tells of a person's own recipe file, {"file", "sha256"}; None for a packaged recipe."""
    file = recipe_file(name)
    return None if file.parent == _packaged() else {"file": str(file), "sha256": sha256(file)}


def description(name):
    """The first line of a recipe's docstring, read without importing it."""
    try:
        documentation = ast.get_docstring(ast.parse(recipe_file(name).read_text(encoding="utf-8")))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} is not valid Python ({error}).") from error
    return (documentation or "").partition("\n")[0]


def copy(name, path):
    """Writes a packaged recipe beside the user, as the beginning of their own.

    Args:
        name: Name of a network.
        path: The file to write, which must not exist.

    Returns:
        The file, a `pathlib.Path`.

    Raises:
        UsageError: If there is no such network, the file exists or cannot be written, or its name is not that of a new recipe.
    """
    source, target = recipe_file(name), pathlib.Path(path)
    if target.suffix != ".py" or not target.stem.isidentifier():
        raise UsageError(f"got {path}; expected the name of a Python file, such as mine.py.")
    if target.stem.lower() in recipe_names():
        raise UsageError(f"{path} would have the name of a packaged network; give the file another name, such as mine.py.")
    text = source.read_text(encoding="utf-8")
    for command in ("train", "predict", "evaluate", "tune", "export"):
        text = text.replace(f"zoo {command} {source.stem}", f"zoo {command} {target.name}")
    try:
        with open(target, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists; give the copy another name.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error}).") from error
    return target


def _packaged():
    return pathlib.Path(next(iter(importlib.import_module("zoo.recipes").__path__))).resolve()
