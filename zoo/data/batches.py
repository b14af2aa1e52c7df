"""Batches for training: in an order that seed and epoch alone decide, of equal lengths where lengths differ."""

import dataclasses

import keras
import numpy as np

from zoo.data.contract import model_inputs
from zoo.errors import UsageError

# Sequences of so many batches are sorted by length before they are cut into batches: enough that a batch holds hardly any
# padding, few enough that its members still change from epoch to epoch.
BATCHES_SORTED_TOGETHER = 50


def check_targets(part, outputs):
    """Raises `UsageError` unless a part has the targets that a network with these outputs is trained on.

    Args:
        part: A `zoo.data.Part`.
        outputs: Names of the outputs.
    """
    if isinstance(part.targets, dict):
        found = f"targets for {', '.join(part.targets)}"
        fits = set(outputs) <= set(part.targets)
    else:
        found = "one target without a name"
        fits = len(outputs) == 1 or part.targets is None
    if not fits:
        raise UsageError(
            f"the network has the outputs {', '.join(outputs)}, and the data have {found}; "
            "use the data set of its recipe, or one of its form."
        )


class Batches(keras.utils.PyDataset):
    """The batches of one part of a data set, for `fit` and `evaluate`.

    Consecutive examples keep their order, whatever the seed: row n of every batch goes on where row n of the batch before ends.
    What does not fill the last batch is left out in training, where a seed is given.

    Token numbers whose length the contract leaves free are bucketed: a batch holds examples of about the same length, and each
    input is cut to the longest of them, the targets that are aligned with it too. Every other array stays whole. An input whose
    longest example is as long as its contract allows is left whole as well, because the first two batches may need one place
    more than their longest.

    Args:
        part: A `zoo.data.Part`.
        contract: Its `zoo.data.Contract`.
        batch_size: Number of examples; the last batch may be smaller.
        seed: Seed of the order; None shuffles nothing.
        outputs: The outputs of the network, where the targets are {output: array}: Keras refuses the targets of others. None
            gives all.

    Attributes:
        epoch: Number of the epoch to come; with `seed` it decides the order.

    Example:
        >>> from zoo import datasets
        >>> digits = datasets.digits.load()
        >>> images, labels = Batches(digits.train, digits.contract, batch_size=32, seed=0)[0]
        >>> images.shape
        (32, 28, 28, 1)
    """

    def __init__(self, part, contract, batch_size, seed=None, outputs=None):
        super().__init__(workers=1, use_multiprocessing=False)
        if outputs is not None:
            check_targets(part, outputs)
        if outputs is not None and isinstance(part.targets, dict):
            part = dataclasses.replace(part, targets={name: part.targets[name] for name in outputs})
        self.part, self.batch_size, self.seed = part, batch_size, seed
        self.epoch = 0
        self._ordered_epoch = None
        if part.consecutive and seed is not None and len(part) < batch_size:
            raise UsageError(
                f"the training part has {len(part)} windows of text, and a batch {batch_size}; expected at least as many. "
                "Use a smaller batch_size, or shorter windows."
            )
        texts = {} if part.consecutive else {name: field for name, field in contract.inputs.items() if _is_text(field)}
        lengths = {name: _lengths(part, name) for name in texts}
        self._longest = np.max(list(lengths.values()), axis=0) if lengths else None  # of each example
        self._cut = {}
        for name, own in lengths.items():
            limit = contract[name].max_length
            if own.min() < own.max() and (limit is None or own.max() < limit):
                self._cut[name] = own

    def __len__(self):
        if self.part.consecutive and self.seed is not None:
            return len(self.part) // self.batch_size
        return -(-len(self.part) // self.batch_size)

    def __getitem__(self, index):
        if self._ordered_epoch != self.epoch:
            self._order, self._ordered_epoch = self._batches_of_epoch(), self.epoch
        rows = self._order[index]
        widths = {name: self._width(name, index) for name in self._cut}
        inputs = {name: _as_wide(array[rows], widths.get(name)) for name, array in self.part.inputs.items()}
        if self.part.targets is None:
            return (model_inputs(inputs),)
        targets, aligned = self.part.targets_of(rows), self.part.aligned
        if isinstance(targets, dict):
            aligned = aligned or {}
            targets = {name: _as_wide(array, widths.get(aligned.get(name))) for name, array in targets.items()}
        else:
            targets = _as_wide(targets, widths.get(aligned))
        return model_inputs(inputs), targets

    def _width(self, name, index):
        """To how many places an input is cut in a batch."""
        lengths = self._cut[name]
        width = lengths[self._order[index]].max()
        # Keras takes a length for free only if the first two batches differ in it.
        if index == 0 and len(self) > 1 and lengths[self._order[1]].max() == width:
            width += 1
        return width

    def _batches_of_epoch(self):
        """The row numbers of each batch."""
        examples = np.arange(len(self.part))
        if self.part.consecutive:
            return self._side_by_side(examples)
        generator = np.random.default_rng([self.seed or 0, self.epoch])
        if self.seed is not None:
            generator.shuffle(examples)
        if self._longest is None:
            return np.split(examples, range(self.batch_size, len(examples), self.batch_size))
        together = self.batch_size * BATCHES_SORTED_TOGETHER
        groups = np.split(examples, range(together, len(examples), together))
        examples = np.concatenate([group[np.argsort(self._longest[group], kind="stable")] for group in groups])
        batches = np.split(examples, range(self.batch_size, len(examples), self.batch_size))
        if self.seed is not None:
            order = generator.permutation(len(batches))
            batches = [batches[index] for index in order]
        return batches

    def _side_by_side(self, examples):
        """The row numbers of each batch of consecutive examples."""
        if self.seed is None:
            return np.split(examples, range(self.batch_size, len(examples), self.batch_size))
        length = len(examples) // self.batch_size
        return list(examples[: length * self.batch_size].reshape(self.batch_size, length).T)


def _is_text(field):
    """Whether an input is token numbers, as many as there are."""
    return field.vocabulary is not None and field.shape[:1] == (None,)


def _lengths(part, name):
    """How many places each example takes in an input, and in the targets that are aligned with it."""
    targets = part.targets if isinstance(part.targets, dict) else {None: part.targets}
    aligned = part.aligned if isinstance(part.aligned, dict) else {None: part.aligned}
    arrays = [part.inputs[name], *(array for output, array in targets.items() if aligned.get(output) == name)]
    return np.max([_length(array) for array in arrays], axis=0)


def _length(array):
    """The place of the last number that is no padding, counted from 1, of each example; at least 1."""
    used = (array != 0).reshape(*array.shape[:2], -1).any(axis=2)
    return np.where(used.any(axis=1), used.shape[1] - np.argmax(used[:, ::-1], axis=1), 1)


def _as_wide(array, width):
    """An array with so many places in the second axis; None leaves it as it is."""
    if width is None or width <= array.shape[1]:
        return array[:, :width] if width else array
    return np.pad(array, ((0, 0), (0, width - array.shape[1]), *((0, 0),) * (array.ndim - 2)))
