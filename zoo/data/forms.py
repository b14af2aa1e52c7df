"""The forms that networks need a data set in: functions from `Data` to `Data`, for a recipe's `prepare`."""

import dataclasses

import numpy as np

from zoo.data.contract import Contract, Field, Part, model_inputs
from zoo.errors import UsageError

CODING_BATCH = 250


def image_rows(data):
    """Each one-channel image as a sequence of its rows: `image` (height, width, 1) becomes `sequence` (height, width).

    Up to ten times as many rows keep the contract, because a recurrent network reads any length.

    Raises:
        UsageError: If the images have more than one channel.
    """
    image = data.contract["image"]
    *height_width, channels = image.shape
    if channels != 1:
        raise UsageError(f"rows are read of images with one channel, got {channels}; use grey images.")
    field = dataclasses.replace(image, shape=(None, height_width[1]), max_length=10 * height_width[0])

    def rows(part):
        return Part({"sequence": part.inputs["image"].reshape(-1, *height_width)}, part.targets)

    return _changed(data, rows, Contract({"sequence": field}, data.contract.classes))


def autoencoding(data):
    """The images are their own targets."""

    def images(part):
        return Part(part.inputs, part.inputs["image"], classes=_classes(data, part))

    return _changed(data, images, Contract(data.contract.inputs))


def damaged(data, corruption, amount, seed=0):
    """Damaged validation and test images, whose targets are the whole ones; the training images are whole.

    The network damages the training images itself, anew whenever it sees them.

    Args:
        data: Images.
        corruption: As for `damage`.
        amount: As for `damage`.
        seed: Seed of the damage.

    Returns:
        A `Data` with `image` of any finite values where noise was added.

    Raises:
        UsageError: As `damage` does.
    """
    whole = autoencoding(data)

    def damaged_part(part):
        image = damage(part.inputs["image"], corruption, amount, seed)
        return dataclasses.replace(part, inputs={"image": image})

    field = data.contract["image"]
    if corruption == "gaussian":
        field = dataclasses.replace(field, minimum=None, maximum=None)
    return dataclasses.replace(
        whole,
        validation=damaged_part(whole.validation),
        test=damaged_part(whole.test),
        contract=Contract({"image": field}),
        notes=(*data.notes, f"the validation and test pictures are damaged once ({corruption}, {amount:g})."),
    )


def damage(images, corruption, amount, seed=0):
    """Images with noise, or with pixels switched off; the same for the same seed.

    Args:
        images: `(batch, ...)` float32.
        corruption: "gaussian" for noise that is added to each pixel, or "masking" for pixels that are set to 0.
        amount: Standard deviation of the noise, at least 0; or the share of the pixels that are switched off, from 0 to 1.
        seed: Integer seed.

    Returns:
        The same shape and dtype.

    Raises:
        UsageError: If `amount` is not in its range.

    Example:
        >>> damage(np.ones((1, 1000), "float32"), "masking", 0.25).mean().round(1)
        np.float32(0.8)
    """
    allowed = "a standard deviation of 0 or more" if corruption == "gaussian" else "a share from 0 to 1"
    if not 0 <= amount <= (np.finfo("float32").max if corruption == "gaussian" else 1):
        raise UsageError(f"got {corruption} noise of {amount:g}; expected {allowed}.")
    generator = np.random.default_rng(seed)
    if corruption == "gaussian":
        return images + np.float32(amount) * generator.standard_normal(images.shape, "float32")
    return np.where(generator.random(images.shape, "float32") < amount, np.float32(0), images)


def grey(data):
    """No targets; the grey values of the pixels as they are, each taken for the probability that it is 1."""

    def images(part):
        return Part({"image": part.inputs["image"]}, classes=_classes(data, part))

    notes = (*data.notes, "the pixels are grey: their cross-entropy is in nats, and is no likelihood of binary pictures.")
    return dataclasses.replace(_changed(data, images, Contract({"image": data.contract["image"]})), notes=notes)


def codings(data, model):
    """What a model makes of every example, computed in batches, as inputs and as targets: data for the layer that comes next.

    Args:
        data: A `Data`.
        model: A `keras.Model` from the inputs of the data to {name: (batch, features)}.

    Returns:
        A `Data` with the input `name`, float32, and the same as targets.
    """
    ((name, coding),) = model.output.items()

    def coded(part):
        answers = model.predict(model_inputs(part.inputs), batch_size=CODING_BATCH, verbose=0)
        return Part(answers, answers[name])

    return _changed(data, coded, Contract({name: Field("float32", tuple(coding.shape[1:]), None, None)}))


def binarized(data, seed=0):
    """No targets; validation and test images drawn once as 0 or 1, each pixel with its value as the probability.

    The training images keep their grey values: the network draws them again whenever it sees them.
    """
    generator = np.random.default_rng(seed)

    def draw(part):
        image = part.inputs["image"]
        drawn = (generator.random(image.shape, "float32") < image).astype("float32")
        return Part({"image": drawn}, classes=_classes(data, part))

    return dataclasses.replace(
        data,
        train=Part(data.train.inputs, classes=_classes(data, data.train)),
        validation=draw(data.validation),
        test=draw(data.test),
        contract=Contract(data.contract.inputs),
        notes=(*data.notes, "the validation and test pictures are binary, drawn once from their grey values."),
    )


def two_classes(data):
    """The first two classes of an image set, each image as one row of numbers; a set of `features` stays as it is.

    Args:
        data: Classified images, or features.

    Returns:
        A `Data` with `features` (pixels,) in the range of the images, and int32 targets 0 and 1.

    Raises:
        UsageError: If the images have no classes.

    Example:
        >>> from zoo import datasets
        >>> two_classes(datasets.digits.load()).contract.classes
        ('0', '1')
    """
    if "features" in data.contract.inputs:
        return data
    field = data.contract["image"]
    pixels = int(np.prod(field.shape))
    _check_classified(data)

    def of_two(part):
        rows = np.flatnonzero(part.targets < 2)
        return Part({"features": part.inputs["image"][rows].reshape(-1, pixels)}, part.targets[rows])

    flat = dataclasses.replace(field, shape=(pixels,))
    return _changed(data, of_two, Contract({"features": flat}, data.contract.classes[:2]))


def pairs(data, seed=0):
    """Pairs of images: each image with another one of its class, and with one of another class.

    Both images of a pair come from the same part, and no image is paired with itself. Pairs of one class and of two take turns.

    Args:
        data: Classified images.
        seed: Seed of the choice.

    Returns:
        A `Data` with `image_a` and `image_b`, two pairs for each image of `data`, and int32 targets, 1 for the same class and 0
        for two.

    Raises:
        UsageError: If the images have no classes, or a part has a single class or a class with a single image.

    Example:
        >>> from zoo import datasets
        >>> pairs(datasets.digits.load()).validation.targets[:4].tolist()
        [1, 0, 1, 0]
    """
    field = data.contract["image"]
    _check_classified(data)
    generator = np.random.default_rng(seed)

    def paired(part):
        images, classes = part.inputs["image"], part.targets
        order = np.argsort(classes, kind="stable")
        counts = np.bincount(classes)
        if counts.max() == len(classes) or (counts == 1).any():
            raise UsageError(
                f"{data.source} has a part with one class, or a class with one image; expected two of each for pairs."
            )
        # In the sorted order a class is one stretch; `place` is where an image stands in its own.
        start, count = (np.cumsum(counts) - counts)[classes], counts[classes]
        place = np.empty(len(classes), int)
        place[order] = np.arange(len(classes))
        place -= start
        same = start + (place + generator.integers(1, count)) % count
        other = (start + count + generator.integers(0, len(classes) - count)) % len(classes)
        partners = order[np.stack([same, other], axis=1).reshape(-1)]
        inputs = {"image_a": np.repeat(images, 2, axis=0), "image_b": images[partners]}
        return Part(inputs, np.tile(np.array([1, 0], "int32"), len(images)))

    return _changed(data, paired, Contract({"image_a": field, "image_b": field}))


def _classes(data, part):
    """The class numbers that a part has for targets, or None."""
    return None if data.contract.classes is None else part.targets


def _check_classified(data):
    if data.contract.classes is None:
        raise UsageError(f"{data.source} has no classes; expected classified images, such as data=digits.")


def _changed(data, change, contract):
    parts = {name: change(getattr(data, name)) for name in ("train", "validation", "test")}
    return dataclasses.replace(data, **parts, contract=contract)
