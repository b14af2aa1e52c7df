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

    Where the contract leaves the length of token numbers open, batches are bucketed: a batch holds examples of about the same
    length, and is cut to the longest of them.

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
        self._lengths = None
        if any(field.vocabulary is not None and None in field.shape for field in contract.inputs.values()):
            self._lengths = np.max([np.count_nonzero(array, axis=1) for array in part.arrays()], axis=0)

    def __len__(self):
        return -(-len(self.part) // self.batch_size)

    def __getitem__(self, index):
        if self._ordered_epoch != self.epoch:
            self._order, self._ordered_epoch = self._batches_of_epoch(), self.epoch
        rows = self._order[index]
        # Keras takes the shape of all batches from the first two, so the first one is left uncut (see `_batches_of_epoch`).
        width = None if self._lengths is None or index == 0 else self._lengths[rows].max()
        inputs = model_inputs({name: array[rows][:, :width] for name, array in self.part.inputs.items()})
        if self.part.targets is None:
            return (inputs,)
        targets = self.part.targets_of(rows)
        return inputs, targets[:, :width] if width else targets

    def _batches_of_epoch(self):
        """The row numbers of each batch."""
        examples = np.arange(len(self.part))
        generator = np.random.default_rng([self.seed or 0, self.epoch])
        if self.seed is not None:
            generator.shuffle(examples)
        if self._lengths is None:
            return np.split(examples, range(self.batch_size, len(examples), self.batch_size))
        together = self.batch_size * BATCHES_SORTED_TOGETHER
        groups = np.split(examples, range(together, len(examples), together))
        examples = np.concatenate([group[np.argsort(self._lengths[group], kind="stable")] for group in groups])
        batches = np.split(examples, range(self.batch_size, len(examples), self.batch_size))
        if self.seed is not None:
            order = generator.permutation(len(batches))
            batches = [batches[index] for index in order]
        # The narrowest batch comes second: whatever is ever cut is cut in it, so Keras sees which lengths are free.
        if len(batches) > 2:
            narrowest = min(range(1, len(batches)), key=lambda index: self._lengths[batches[index]].max())
            batches[1], batches[narrowest] = batches[narrowest], batches[1]
        return batches
