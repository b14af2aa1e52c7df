"""What a study is made of: two runs with the same fingerprint may share their trials."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import pathlib

import zoo
from zoo.tune.oracles import objective_of

NAMED_WITHOUT_VALUES = ("source", "data")  # a hash tells a person nothing


def fingerprint(space, tuner, executions, data, backend):
    """The fingerprint of a study.

    Args:
        space: The `Space`.
        tuner: Name of the tuner.
        executions: Number of runs, each with a seed of its own, that make one trial.
        data: Fingerprint of the data set.
        backend: Of Keras, in the trials.

    Returns:
        {what: {name: text or number}}, ready for JSON.
    """
    searched = {name.partition("/")[0] for name in space.texts()}
    target = space.recipe.target
    return {
        "space": space.texts(),
        "settings": {key: repr(value) for key, value in space.defaults.items() if key not in searched},
        "search": {
            "tuner": tuner,
            "executions": executions,
            "objective": objective_of(target),
            "direction": "max" if target.at_most is None else "min",
        },
        "data": {space.defaults["data"]: data},
        "source": sources(space.name),
        "versions": versions(backend),
    }


def versions(backend):
    """The versions of what trains and searches."""
    packages = ("keras", backend, "keras-tuner")
    return {"zoo": zoo.__version__, **{package: importlib.metadata.version(package) for package in packages}}


def sources(name):
    """The files that say what a recipe's network is and how it is trained, {path within the package: sha256}.

    Example:
        >>> [file for file in sources("mnist_cnn") if "augmentation" not in file]
        ['zoo/models/mnist_cnn.py', 'zoo/recipes/mnist_cnn.py']
    """
    found, left = {}, [f"zoo.recipes.{name}"]
    while left:
        module = left.pop()
        file = f"{module.replace('.', '/')}.py"
        if file not in found:
            path = pathlib.Path(importlib.util.find_spec(module).origin)
            text = path.read_text(encoding="utf-8")
            found[file] = hashlib.sha256(_without_space(text).encode()).hexdigest()
            left.extend(_imported(text))
    return dict(sorted(found.items()))


def differences(before, now):
    """What differs between two fingerprints, a list of lines.

    Example:
        >>> differences({"space": {"dropout": "0.2 to 0.6"}}, {"space": {"dropout": "0.2 to 0.7", "l2": "0 to 1"}})
        ['space dropout was 0.2 to 0.6, is 0.2 to 0.7', 'space l2 is new']
    """
    lines = []
    for part in [*before, *(part for part in now if part not in before)]:
        old, new = before.get(part, {}), now.get(part, {})
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in new:
                lines.append(f"{part} {key} is gone")
            elif key not in old:
                lines.append(f"{part} {key} is new")
            elif old[key] != new[key]:
                values = "has changed" if part in NAMED_WITHOUT_VALUES else f"was {old[key]}, is {new[key]}"
                lines.append(f"{part} {key} {values}")
    return lines


def _without_space(text):
    """A source without its function `space`: what that says is compared range by range."""
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "space":
            return "\n".join(lines[: node.lineno - 1] + lines[node.end_lineno :])
    return text


def _imported(text):
    """The modules of layers, losses, models and recipes that a source imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if node.module == "zoo":  # `from zoo import mnist_cnn` gives the function out of the file of its name
                names.extend(f"zoo.models.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith(("zoo.layers.", "zoo.losses", "zoo.models.", "zoo.recipes.")) and _is_file(name):
                yield name


def _is_file(module):
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None and not spec.origin.endswith("__init__.py")
