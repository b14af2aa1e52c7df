"""What a study is made of: two runs with the same fingerprint may share their trials."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import pathlib

import zoo
from zoo.tune.oracles import objective_of

# What makes a network and its training; the engine around it goes by the version of zoo, the data by their own fingerprint.
NETWORK = ("zoo.layers.", "zoo.losses", "zoo.models.", "zoo.recipes.")
NAMED_WITHOUT_VALUES = ("source", "data")  # a hash tells a person nothing


def fingerprint(space, tuner, executions, data, backend):
    """The fingerprint of a study.

    Args:
        space: The `Space`.
        tuner: Name of the tuner.
        executions: Number of runs, each with a seed of its own, that make one trial.
        data: Fingerprint of the data set, {part: text}.
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
        "data": data_fingerprint(space.defaults["data"], data),
        "source": sources(space.name),
        "versions": versions(backend),
    }


def data_fingerprint(name, data):
    """The fingerprint of a data set as that of a study holds it.

    Example:
        >>> data_fingerprint("digits", {"train": "1", "test": "2"})
        {'digits, train': '1', 'digits, test': '2'}
    """
    return {f"{name}, {part}": text for part, text in data.items()}


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
            modules = {_module(used) for used in _used(text)}
            left.extend(one for one in modules if one is not None and one.startswith(NETWORK))
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


def _used(text):
    """The dotted names that a source imports, or reaches through what it imports."""
    tree = ast.parse(text)
    meant, used = {}, set()  # {name in the source: dotted name}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            meant.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Import):
            meant.update({alias.asname: alias.name for alias in node.names if alias.asname})
            meant.update({alias.name.partition(".")[0]: alias.name.partition(".")[0] for alias in node.names if not alias.asname})
            used.update(alias.name for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name, _, rest = ast.unparse(node).partition(".")
            if name in meant:
                used.add(f"{meant[name]}.{rest}")
    return used.union(meant.values())


def _module(name):
    """The module of ours that a dotted name is, or comes from; None for what is not ours, or is a package."""
    path = name.split(".")
    if path[0] != "zoo":
        return None
    module, spec = "zoo", None
    for part in path[1:]:
        found = _spec(f"{module}.{part}")
        if found is None:
            # A function or a class; a package brings it out of one of its files.
            is_package = spec is None or spec.submodule_search_locations is not None
            return getattr(getattr(importlib.import_module(module), part, None), "__module__", None) if is_package else module
        module, spec = found.name, found
    return None if spec is None or spec.submodule_search_locations is not None else module


def _spec(module):
    try:
        return importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
