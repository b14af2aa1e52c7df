"""The house itself: what is found by name, what is imported when, and which way the arrows point."""

import ast
import configparser
import importlib
import pathlib
import re
import subprocess
import sys

import keras
import pytest

import zoo
import zoo.layers
from zoo import datasets, finder

ROOT = pathlib.Path(__file__).parent.parent
MODELS = sorted(path.stem for path in (ROOT / "zoo/models").glob("*.py") if path.stem != "__init__")
RECIPES = finder.recipe_names()


def imported(path):
    """The names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_networks_files_and_recipes_agree():
    """A file may hold further builders, named after its own: `resnet34` in resnet.py."""
    public = {name: getattr(zoo, name) for name in zoo.__all__}
    assert {"data", "datasets", "export", "hypermodel", "load", "predict"} <= set(public) and dir(zoo) == sorted(public)
    built = {name: value for name, value in public.items() if getattr(value, "__module__", "").startswith("zoo.models.")}
    for name, builder in built.items():
        file = builder.__module__.removeprefix("zoo.models.")
        assert builder.__name__ == name and name.startswith(file) and file in built
    assert sorted({builder.__module__.removeprefix("zoo.models.") for builder in built.values()}) == MODELS
    for name in MODELS:
        assert any(trained.startswith(name) for trained in RECIPES)


def test_data_sets_are_the_files_that_load():
    folder = ROOT / "zoo/datasets"
    loading = {path.stem for path in folder.glob("*.py") if "\ndef load(" in path.read_text(encoding="utf-8")}
    assert set(datasets.DATA_SETS) == loading
    for name in datasets.DATA_SETS:
        assert importlib.import_module(f"zoo.datasets.{name}").load


def test_importing_zoo_loads_nothing_heavy():
    code = "import sys, zoo, zoo.data; print([m for m in ('keras', 'tensorflow', 'numpy', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError):
        zoo.mnist_cmm  # noqa: B018


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_stand_on_the_library_and_never_on_the_engine(name):
    """import-linter sees no recipes, because they lie outside the package's folder."""
    ours = {module for module in imported(ROOT / "recipes" / f"{name}.py") if module.split(".")[0] == "zoo"}
    allowed = ("zoo.recipe", "zoo.data", "zoo.datasets", "zoo.layers", "zoo.models", "zoo.losses", "zoo.initializers")
    assert all(module == "zoo" or module.startswith(allowed) for module in ours), ours


@pytest.mark.parametrize("path", sorted((ROOT / "zoo").rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_names_a_network(path):
    """Only its own file and the list of public names may: everything else goes by recipes."""
    if path.parent.name == "models" or path.name == "__init__.py":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = [node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    documentation = {ast.get_docstring(node, clean=False) for node in documented}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not (texts - documentation) & {*MODELS, *RECIPES}


def test_every_network_has_its_row_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in RECIPES:
        assert f"| `{name}` |" in readme


def test_every_cited_title_is_among_the_sources():
    sources = " ".join((ROOT / "docs/sources.md").read_text(encoding="utf-8").split())
    cited = set()
    for path in [*(ROOT / "zoo").rglob("*.py"), *(ROOT / "recipes").glob("*.py"), *(ROOT / "tests").glob("*.py")]:
        text = " ".join(path.read_text(encoding="utf-8").split())
        cited |= {title.strip(",.?") for title in re.findall(r'\w+ (?:19|20)\d\d, "([A-Z][^"]+)"', text)}
    assert len(cited) > 20
    assert {title for title in cited if title not in sources} == set()


def test_layers_are_found_by_name():
    files = {path.stem for path in (ROOT / "zoo/layers").glob("*.py") if path.stem != "__init__"}
    found = {name: getattr(zoo.layers, name) for name in zoo.layers.__all__}
    assert all(issubclass(layer, keras.layers.Layer) and layer.__name__ == name for name, layer in found.items())
    assert {layer.__module__ for layer in found.values()} == {f"zoo.layers.{file}" for file in files}
    assert set(zoo.layers.__all__) <= set(dir(zoo.layers))
    registered = {name.removeprefix("zoo>") for name in keras.saving.get_custom_objects() if name.startswith("zoo>")}
    assert set(found) <= registered


def test_type_checkers_are_told_that_the_package_has_types():
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    packaged = {package: patterns.split() for package, patterns in setup["options.package_data"].items()}
    assert (ROOT / "zoo/py.typed").exists() and "py.typed" in packaged["zoo"] and "*.pyi" in packaged["zoo.layers"]


def test_no_layer_or_model_hides_code_in_a_file():
    for path in [*(ROOT / "zoo").rglob("*.py"), *(ROOT / "recipes").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert "Lambda(" not in text and "import pickle" not in text and "allow_pickle=True" not in text
