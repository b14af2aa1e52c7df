"""Classified images and texts through tensorflow-datasets."""

import zipfile

from zoo.data.classified_images import image_data
from zoo.data.prepared import cache_folder, data_folder, missing, reachable
from zoo.errors import UsageError


def load_images(name, server, origin, licence, counts=(60000, 10000), version="3.0.1", instead="data=digits", picture=None):
    """Loads a set of classified images; where it is looked for, `load_classified` tells.

    Args:
        name: Name of the set in tensorflow-datasets.
        server: Address of the server that tensorflow-datasets downloads it from.
        origin: Where it comes from, for the card and for messages.
        licence: Its licence.
        counts: Number of training and test images that it must have.
        version: Version of the set in tensorflow-datasets.
        instead: The setting that needs no download, for messages.
        picture: How a person's picture is given the form of these images, as in `zoo.data.Field`.

    Returns:
        A `zoo.data.Data`; 5 000 training images, chosen by a fixed seed, are kept for validation.

    Raises:
        UsageError: If the set is missing and cannot be downloaded, or is truncated or of another size.
    """
    parts, classes = load_classified(name, server, origin, counts, version, instead)
    return image_data(*parts, 5000, 0, classes, f"tensorflow-datasets {name} {version}, {origin}", licence, picture)


def load_classified(name, server, origin, counts, version, instead, config=None):
    """The two parts of a classified set, prepared under `ZOO_DATA_DIR` or downloaded once into the user's cache.

    Args:
        name: Name of the set in tensorflow-datasets.
        server: Address of the server that tensorflow-datasets downloads it from.
        origin: Where it comes from, for messages.
        counts: Number of training and test examples that it must have.
        version: Version of the set in tensorflow-datasets.
        instead: The setting that needs no download, for messages.
        config: Name of the set's configuration, or None where it has none.

    Returns:
        ([(examples, labels) to train, (examples, labels) to test], names of the classes): arrays, texts as bytes.

    Raises:
        UsageError: If the set is missing and cannot be downloaded, or is truncated or of another size.
    """
    given = data_folder()
    # A folder per set: with one for both, tensorflow-datasets mixes up the equally named files of MNIST and Fashion-MNIST.
    sets = (given or cache_folder() / name) / "tensorflow_datasets"
    folder = sets / name / (config or "") / version
    if not (folder / "dataset_info.json").is_file():
        if given:
            raise missing(str(folder), f"tensorflow-datasets, {name} {version} ({origin})", instead)
        if not reachable(server):
            raise missing(f"{folder} (and no connection to {server})", f"tensorflow-datasets ({origin})", instead)
    import tensorflow_datasets as tfds

    if not given:
        try:
            builder = tfds.builder("/".join(filter(None, (name, config))) + f":{version}", data_dir=str(sets))
            builder.download_and_prepare(download_dir=str(cache_folder() / name / "downloads"))
        except (OSError, zipfile.BadZipFile, tfds.download.DownloadError) as error:
            raise missing(f"{folder} (download failed: {_line(error)})", origin, instead) from error
    try:
        builder = tfds.builder_from_directory(str(folder))
        parts = [tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1, as_supervised=True)) for split in ("train", "test")]
    except Exception as error:  # TensorFlow's errors, the builder's and the operating system's have no common base
        raise UsageError(f"{folder} cannot be read ({_line(error)}); prepare {name} again, or use {instead}.") from error
    found = tuple(len(labels) for _, labels in parts)
    if found != counts:
        raise UsageError(f"{folder} holds {found} examples; expected {counts}. Prepare {name} again, or use {instead}.")
    return parts, builder.info.features["label"].names


def _line(error):
    return (str(error) or type(error).__name__).splitlines()[0][:160]
