"""What a signature takes and gives, and the contract of a file that brings none."""

import dataclasses
import math

import numpy as np

from zoo.data.contract import Field
from zoo.errors import UsageError

FLOATS = ("float16", "float32", "float64")
NUMBERS = (*FLOATS, "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


@dataclasses.dataclass(frozen=True)
class Texts:
    """An input of texts or bytes.

    Args:
        sizes: Its shape, None for a free size; None if it may be any.
    """

    sizes: tuple | None
    dtype = "string"

    def check(self, name, array):
        """Raises `UsageError`, naming the input, if an array of bytes has not its shape."""
        _check_shape(name, array, self.sizes, self.batch_shape())

    def batch_shape(self):
        """The shape as text."""
        return "(batch) texts or bytes" if self.sizes == (None,) else f"texts or bytes of shape {_shape_text(self.sizes)}"


@dataclasses.dataclass(frozen=True)
class AnyShape:
    """An input of numbers whose file does not say of what shape."""

    dtype: str

    def check(self, name, array):
        """Raises `UsageError`, naming the input, if an array is of another type, empty or not finite."""
        if array.dtype != self.dtype:
            raise UsageError(f"input `{name}` is {array.dtype}; expected {self.dtype}.")
        _check_shape(name, array, None, self.batch_shape())
        if not (math.isfinite(array.min()) and math.isfinite(array.max())):
            raise UsageError(f"input `{name}` holds NaN or infinity; expected finite values.")

    def batch_shape(self):
        """The shape as text."""
        return "any shape"


class Signature:
    """What one signature takes and gives.

    Args:
        name: Its name.
        declared: What contract.json says of it. Keys that are not known are left alone.
        vocabularies: {name: pieces} of contract.json.

    Attributes:
        fields: {input: `Field`, `Texts` or `AnyShape`}.
        outputs: {output: {"dtype", "shape"}}.
        alone: Whether requests are run one by one, because nothing says that their rows can be put together.
        batch: The fixed batch size, or None.
        is_batched: Whether all inputs come in batches.
    """

    def __init__(self, name, declared, vocabularies):
        self.name, self.declared, self.outputs = name, declared["inputs"], declared["outputs"]
        self.alone = declared.get("alone", False)
        self.fields = {key: self._field(one, vocabularies) for key, one in self.declared.items()}
        shapes = [] if self.alone else [one["shape"] for one in self.declared.values()]
        fixed = {shape[0] for shape in shapes if shape and shape[0] is not None}
        self.batch = max(fixed) if fixed else None
        self.is_batched = bool(shapes) and all(shapes)

    def _field(self, one, vocabularies):
        shape = one["shape"]
        if one["dtype"] == "string":
            return Texts(None if shape is None else tuple(shape))
        if shape is None:
            return AnyShape(one["dtype"])
        vocabulary = one.get("vocabulary") and tuple(vocabularies[one["vocabulary"]])
        batched = bool(shape) and not self.alone
        sizes = tuple(shape[1:] if batched else shape)
        bounds = one["minimum"], one["maximum"]
        return Field(one["dtype"], sizes, *bounds, vocabulary, one["max_length"], batched, default=one.get("default"))

    def check(self, inputs):
        """The number of rows of inputs that keep the contract; None for single values.

        Raises:
            UsageError: If they do not keep it; the message names the input.
        """
        if set(inputs) != set(self.fields):
            raise UsageError(f"inputs are {sorted(inputs)}; expected {sorted(self.fields)}.")
        for name, field in self.fields.items():
            field.check(name, inputs[name])
        if not self.is_batched:
            return None
        rows = {name: len(array) for name, array in inputs.items()}
        if len(set(rows.values())) > 1:
            raise UsageError(f"the inputs have different batch sizes, {rows}; expected one.")
        return next(iter(rows.values()))

    @property
    def probabilities(self):
        """The name of the one output that gives the probabilities of named classes; None where none or several do."""
        found = [name for name, one in self.outputs.items() if one.get("kind") == "label" and one["dtype"].startswith("float")]
        return found[0] if len(found) == 1 else None

    @property
    def classes(self):
        """The names of the classes of `probabilities`, in their order."""
        return self.outputs[self.probabilities]["classes"]


def contract_of(name, engine, form, file):
    """The contract of an exported file that came without one: types and shapes as its signatures say, and finite values.

    Args:
        name: Name of the model.
        engine: The engine that opened it.
        form: Name of the format.
        file: Name of the file.

    Returns:
        What contract.json holds, with "made_from": the file that it was made from.

    Raises:
        UsageError: If it has no signature whose types a client could send.
    """
    signatures, reasons = {}, []
    for signature in engine.signatures:
        inputs, outputs = engine.describe(signature)
        foreign = [f"{key} is {dtype}" for key, (dtype, _) in {**inputs, **outputs}.items() if dtype not in (*NUMBERS, "string")]
        if foreign or not inputs or not outputs:
            reasons.append(f"signature {signature}: {', '.join(foreign) or 'no inputs or no outputs'}")
            continue
        shapes = [shape for _, shape in (*inputs.values(), *outputs.values())]
        leading = {shape[0] if shape else "none" for shape in shapes}
        signatures[signature] = {
            "formats": [form],
            "alone": leading not in ({None}, {1}),
            "inputs": {key: _declared(dtype, shape) for key, (dtype, shape) in inputs.items()},
            "outputs": {key: {"dtype": dtype, "shape": shape} for key, (dtype, shape) in outputs.items()},
        }
    if not signatures:
        raise UsageError(f"{file} has no signature that can be served ({'; '.join(reasons) or 'it has none at all'}).")
    kept = {"name": name, "classes": None, "picture": None, "vocabularies": {}}
    return {**kept, "signatures": signatures, "made_from": file}


def _declared(dtype, shape):
    if dtype == "string":
        return {"dtype": dtype, "shape": shape}
    free = {"minimum": None, "maximum": None, "finite": dtype.startswith("float"), "max_length": None, "vocabulary": None}
    return {"dtype": dtype, "shape": shape, **free}


def _check_shape(name, array, sizes, expected):
    fits = sizes is None or (array.ndim == len(sizes) and all(size in (None, there) for size, there in zip(sizes, array.shape)))
    if not fits or not array.size:
        raise UsageError(f"input `{name}` has shape {np.shape(array)}; expected {expected}, at least one.")


def _shape_text(sizes):
    return "any" if sizes is None else f"({', '.join('any' if size is None else str(size) for size in sizes)})"
