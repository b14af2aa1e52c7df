"""Fashion-MNIST: 70 000 pictures of clothes of 28 x 28 pixels (Xiao et al. 2017), through tensorflow-datasets."""

from zoo.data.tfds import load_images

# How `zoo.data.pictures.light_on_dark` gives a person's picture the form of these images.
PICTURE = {"box": 28, "center": "box"}


def load():
    """The pictures, light on dark: 55 000 to train, 5 000 to validate, the official 10 000 to test.

    Returns:
        A `zoo.data.Data` with `image` (28, 28, 1), float32 in [0, 1], and ten classes from "T-shirt/top" to "Ankle boot".

    Raises:
        UsageError: If the set is neither prepared nor can be downloaded, or is damaged.

    Example:
        `zoo.datasets.fashion_mnist.load().test.inputs["image"].shape` is `(10000, 28, 28, 1)`.
    """
    return load_images(
        "fashion_mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist",
        "MIT",
        picture=PICTURE,
    )
