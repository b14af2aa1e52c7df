"""What a data set is: three parts of arrays, and the contract that every input keeps."""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import platform

import numpy as np

from zoo.errors import UsageError

KINDS = ("bits", "boxes", "image", "label", "prompt", "series", "text", "vector")  # the files of zoo.data.kinds


@dataclasses.dataclass(frozen=True)
class Field:
    """What one value, an input or an output, is and must look like.

    Args:
        dtype: Name of the NumPy dtype. Floating-point values must be finite.
        shape: Shape of one example; None stands for any length, and only there padding with 0 is allowed.
        minimum: Smallest value allowed, or None.
        maximum: Largest value allowed, or None.
        vocabulary: For token numbers, the text of each number, in order.
        max_length: Largest length where the shape leaves it free, or None.
        batched: Whether examples come in batches; False for a single value, such as a seed.
        default: What a single value is where a person says nothing, or None where they must.
        kind: What it is to a person, one of `KINDS`, the files of `zoo.data.kinds`. By default
            "text" where there is a vocabulary, "label" where there are classes, else "vector".
        classes: For labels, the name of each class, in order.
        picture: For images, how a person's picture is given the form of the training images: keywords of
            `zoo.data.pictures.light_on_dark`, or {"shape": ...} for `zoo.data.pictures.fitted`; by default the latter.
        column: For series, the name of the column that it is of a person's table.
        usual: For series, the smallest and the largest value of the training part; others are allowed, and a person is told.

    Raises:
        UsageError: If there is no such kind, or a label has no classes, or a text no vocabulary.
    """

    dtype: str
    shape: tuple
    minimum: float | None = None
    maximum: float | None = None
    vocabulary: tuple | None = None
    max_length: int | None = None
    batched: bool = True
    kind: str | None = None
    classes: tuple | None = None
    picture: dict | None = None
    column: str | None = None
    usual: tuple | None = None
    default: int | float | None = None

    def __post_init__(self):
        kind = self.kind or ("text" if self.vocabulary is not None else "label" if self.classes is not None else "vector")
        if kind not in KINDS:
            raise UsageError(f"got the kind {kind!r} of a field; expected one of {', '.join(KINDS)}.")
        for needed, name in (("label", "classes"), ("prompt", "vocabulary"), ("text", "vocabulary")):
            if kind == needed and getattr(self, name) is None:
                raise UsageError(f"got a field of the kind {kind} without {name}; give it {name}=(...), or the kind vector.")
        object.__setattr__(self, "kind", kind)
        if kind == "image" and self.picture is None and len(self.shape) == 3:
            object.__setattr__(self, "picture", {"shape": list(self.shape)})

    def check(self, name, array):
        """Raises `UsageError`, naming the field, if a batch of examples does not keep the contract.

        Args:
            name: Name of the input, for the message.
            array: `(batch, *shape)`.

        Example:
            >>> Field("float32", (2,), 0.0, 1.0).check("image", np.zeros((1, 2), "float32"))
        """
        expected, wanted = self.batch_shape(), self.sizes()
        fits = array.ndim == len(wanted) and all(size in (None, there) for size, there in zip(wanted, array.shape))
        if not fits:
            raise UsageError(f"input `{name}` has shape {array.shape}; expected {expected}.")
        if array.dtype != self.dtype:
            raise UsageError(f"input `{name}` is {array.dtype}; expected {self.dtype}.")
        if not array.size:
            raise UsageError(f"input `{name}` is empty, of shape {array.shape}; expected {expected}.")
        lengths = [there for there, size in zip(array.shape[1:], self.shape) if size is None]
        if self.max_length is not None and max(lengths, default=0) > self.max_length:
            raise UsageError(f"input `{name}` has length {max(lengths)}; expected at most {self.max_length}.")
        low, high = array.min(), array.max()  # one of them is NaN or infinite where any value is
        if not (math.isfinite(low) and math.isfinite(high)):
            raise UsageError(f"input `{name}` holds NaN or infinity; expected finite values.")
        too_small = self.minimum is not None and low < self.minimum
        too_large = self.maximum is not None and high > self.maximum
        if (too_small or too_large) and not self.batched:
            raise UsageError(f"input `{name}` is {low:g}; expected a value in {self.range()}.")
        if too_small or too_large:
            raise UsageError(f"input `{name}` lies in [{low:g}, {high:g}]; expected values in {self.range()}.")

    def sizes(self):
        """The shape of a batch, None where a size is free."""
        return [None, *self.shape] if self.batched else list(self.shape)

    def batch_shape(self):
        """The shape of a batch as text.

        Example:
            >>> Field("int32", (None, 3), 0, 9).batch_shape()
            '(batch, any, 3)'
        """
        sizes = ["any" if size is None else str(size) for size in self.shape]
        return f"({', '.join(['batch', *sizes] if self.batched else sizes)})"

    def range(self):
        """The range of the values as text.

        Example:
            >>> Field("float32", (), 0.0, 1.0).range(), Field("int32", (), 1, None).range()
            ('[0, 1]', '[1, any]')
        """
        return f"[{', '.join('any' if bound is None else f'{bound:g}' for bound in (self.minimum, self.maximum))}]"


@dataclasses.dataclass(frozen=True)
class Contract:
    """What a network takes, and what its targets are.

    Args:
        inputs: {name: Field} of every input.
        classes: The names of the classes, in order, where it tells classes apart.
        each_step: Whether the targets have a class or a number for each step of a sequence, instead of one for the whole.
        horizon: Number of steps that it looks ahead, where it forecasts a series.
    """

    inputs: dict
    classes: tuple | None = None
    each_step: bool = False
    horizon: int | None = None

    def __getitem__(self, name):
        return self.inputs[name]

    @property
    def answer_vocabulary(self):
        """The pieces of text answers, `tokens`: the vocabulary of the last input that has one, or None."""
        vocabularies = [field.vocabulary for field in self.inputs.values() if field.vocabulary is not None]
        return vocabularies[-1] if vocabularies else None

    def check(self, inputs):
        """Raises `UsageError` unless `inputs`, name to batch, has every field as the contract says."""
        if set(inputs) != set(self.inputs):
            raise UsageError(f"inputs are {sorted(inputs)}; expected {sorted(self.inputs)}.")
        for name, field in self.inputs.items():
            field.check(name, inputs[name])

    def to_json(self):
        """The contract as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, saved):
        """The contract that `to_json` gave."""
        inputs = {name: field_from_json(field) for name, field in saved["inputs"].items()}
        classes = None if saved["classes"] is None else tuple(saved["classes"])
        return cls(inputs, classes, saved.get("each_step", False), saved.get("horizon"))


def field_from_json(saved):
    """The `Field` of a dictionary that JSON held; one that version 0.1 wrote, without kinds, is an image if it has that form."""
    lists = {name: tuple(saved[name]) for name in ("shape", "vocabulary", "classes", "usual") if saved.get(name) is not None}
    field = Field(**{**saved, **lists})
    if "kind" not in saved and _is_picture(field):
        field = dataclasses.replace(field, kind="image")
    return field


def _is_picture(field):
    grey_or_coloured = len(field.shape) == 3 and None not in field.shape and field.shape[2] in (1, 3)
    return grey_or_coloured and (field.minimum, field.maximum) == (0.0, 1.0)


def model_inputs(inputs):
    """What a functional model takes: the array itself where there is one input, the dictionary where there are more.

    Example:
        >>> model_inputs({"image": 1}), model_inputs({"source": 1, "target": 2})
        (1, {'source': 1, 'target': 2})
    """
    return inputs if len(inputs) > 1 else next(iter(inputs.values()))


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of a data set.

    Args:
        inputs: Input name to array `(examples, ...)`.
        targets: `(examples, ...)`, {output: such an array} for a network of several outputs, or None where it needs none.
        references: For text, the right answer of each example as it was written.
        aligned: Name of the input of token numbers that the targets have a number for at each place, as the next words of a
            text have; {output: such a name} where some of several targets have one. None for targets that stand for the whole
            example, such as a class.
        baselines: For series, {rule: `(examples, horizon)`} of what simple rules forecast for the steps after each window.
        consecutive: Whether each example begins where the one before it ends, as the windows of a text do. A batch then holds
            as many stretches of the text side by side, and the next batch continues each of them.
        classes: `(examples,)`, the number of the class of each example, where that is known and no target.
    """

    inputs: dict
    targets: np.ndarray | dict | None = None
    references: tuple | None = None
    aligned: str | dict | None = None
    baselines: dict | None = None
    consecutive: bool = False
    classes: np.ndarray | None = None

    def __len__(self):
        return len(next(iter(self.inputs.values())))

    def head(self, count):
        """The first `count` examples."""
        references = None if self.references is None else self.references[:count]
        inputs = {name: array[:count] for name, array in self.inputs.items()}
        baselines = self.baselines and {rule: array[:count] for rule, array in self.baselines.items()}
        classes = None if self.classes is None else self.classes[:count]
        targets = self.targets_of(slice(count))
        return dataclasses.replace(
            self, inputs=inputs, targets=targets, references=references, baselines=baselines, classes=classes
        )

    def targets_of(self, rows):
        """The targets of some examples, in the form of `targets`.

        Args:
            rows: A slice, or the numbers of the examples.
        """
        if isinstance(self.targets, dict):
            return {name: array[rows] for name, array in self.targets.items()}
        return None if self.targets is None else self.targets[rows]

    def fingerprint(self):
        """A sha256 over every array with its name, and over the references."""
        targets = self.targets if isinstance(self.targets, dict) else {"": self.targets}
        arrays = {**{f"input {name}": array for name, array in self.inputs.items()}, **targets}
        digest = hashlib.sha256()
        for name, array in arrays.items():
            if array is not None:
                digest.update(f"{name}\0{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        digest.update(json.dumps(self.references).encode())
        return digest.hexdigest()


@dataclasses.dataclass(frozen=True, repr=False)
class Data:
    """A data set: what to train on, what to choose by, and what to report on once.

    Args:
        train: A `Part`.
        validation: A `Part`.
        test: A `Part`.
        contract: The `Contract` of its inputs.
        source: Where it comes from.
        licence: Its licence.
        notes: What a person should know of how it was read, a sentence each.
        packages: Names of the packages that made the arrays, where another version of them may make others; "python" for Python.
        paths: {setting: value} by which a person's own files are found from any folder.
        examples: A `Part` whose first examples are kept beside the trained weights, where those of the test part must not be
            published again; None for the test part.
    """

    train: Part
    validation: Part
    test: Part
    contract: Contract
    source: str
    licence: str
    notes: tuple = ()
    packages: tuple = ()
    paths: dict = dataclasses.field(default_factory=dict)
    examples: Part | None = None

    def __str__(self):
        inputs = ", ".join(f"{name} {field.dtype} {field.batch_shape()}" for name, field in self.contract.inputs.items())
        classes = "" if self.contract.classes is None else f", {len(self.contract.classes)} classes"
        return (
            f"{self.source}\n{len(self.train):,} examples to train, {len(self.validation):,} to validate, "
            f"{len(self.test):,} to test\n{inputs}{classes}"
        )

    __repr__ = __str__

    def fingerprint(self):
        """A sha256 of each part, and of the names: of the inputs, their pieces of text and the classes.

        Returns:
            {"train": text, "validation": text, "test": text, "names": text}: equal exactly where the data are.
        """
        pieces = {name: field.vocabulary for name, field in self.contract.inputs.items()}
        names = hashlib.sha256(json.dumps([pieces, self.contract.classes]).encode()).hexdigest()
        return {**{name: getattr(self, name).fingerprint() for name in ("train", "validation", "test")}, "names": names}

    def made_with(self):
        """{package: version} of `packages`."""
        return {
            package: platform.python_version() if package == "python" else importlib.metadata.version(package)
            for package in self.packages
        }


def unequal(before, now):
    """What differs between two fingerprints of data, as text; empty where they are equal.

    Example:
        >>> unequal({"train": "1", "test": "2", "names": "3"}, {"train": "1", "test": "4", "names": "5"})
        'test, names'
    """
    if not isinstance(before, dict):
        return "a fingerprint of an earlier version of zoo"
    return ", ".join(part for part in now if before.get(part) != now[part])
