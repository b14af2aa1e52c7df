"""What the recipes of autoencoders share: the fields of their endpoints, and the numbers on their cards."""

import dataclasses

import numpy as np

from zoo.data.contract import Field

MOST_STEPS = 100
BATCH = 250
DEAD = 0.01  # variance of the mean of a coding over the pictures, below which it tells nothing of them
USUAL = (1, 99)  # percentiles between which a number lies as a rule


def picture_fields(image):
    """The fields of `reconstructor` and `interpolator`.

    Args:
        image: The `Field` of the pictures.

    Returns:
        {name: Field}.
    """
    shown = dataclasses.replace(image, minimum=0.0, maximum=1.0)
    height, _, channels = image.shape
    return {
        "reconstruction": shown,
        "image_a": image,
        "image_b": image,
        "steps": Field("int32", (), 2, MOST_STEPS, batched=False, default=8),
        "interpolation": dataclasses.replace(shown, shape=(height, None, channels)),
    }


def answers(model, images):
    """What a functional model makes of images, in batches.

    Args:
        model: A `keras.Model` from one input to {name: (batch, ...)}.
        images: `(examples, ...)`.

    Returns:
        {name: array (examples, ...)}.
    """
    # Not `predict`, which traces each of several models that are used once.
    batches = [model(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    return {name: np.concatenate([np.asarray(batch[name]) for batch in batches]) for name in batches[0]}


def reconstruction_errors(reconstruction, images, read, train, width):
    """How far reconstructions are from the pictures, beside those of principal components.

    Args:
        reconstruction: `(examples, ...)`.
        images: The same shape, the pictures.
        read: The same shape, what the network was given, which has noise where it is to be taken away.
        train: `(examples, ...)`, the pictures of the training part, to which the components are fitted.
        width: Number of components, that of the coding.

    Returns:
        {"mse": squared error of a pixel, "error_per_picture": the sum over a picture's pixels, "pca_mse": that of a pixel where
        the principal components of the same number restore what the network was given}.
    """
    from sklearn.decomposition import PCA  # brings SciPy, which a reader of recipes does without

    flat, size = train.reshape(len(train), -1), images[0].size
    components = PCA(min(width, *flat.shape), svd_solver="covariance_eigh").fit(flat)
    restored = components.inverse_transform(components.transform(read.reshape(len(read), -1)))
    error = np.mean(np.square(reconstruction - images), dtype="float64")
    pca_error = np.mean(np.square(restored - images.reshape(len(images), -1)), dtype="float64")
    return {"mse": error, "error_per_picture": size * error, "pca_mse": pca_error}


def errors_of(made, part, train):
    """`reconstruction_errors` of what a network makes of a part.

    Args:
        made: {"reconstruction": `(examples, ...)`, "coding": `(examples, codings)`}.
        part: The `Part`; the pictures to be restored are its targets, or where it has none its inputs.
        train: The training `Part`.
    """
    read = part.inputs["image"]
    images = read if part.targets is None else part.targets
    return reconstruction_errors(made["reconstruction"], images, read, train.inputs["image"], made["coding"].shape[-1])


def variational_numbers(reconstructor, encoder, anomaly, part, train):
    """What is known of the bounds, the codings and the reconstructions of a variational autoencoder, which takes seconds.

    Args:
        reconstructor: The model of this name that `zoo.models.vae` makes of it, and so the next two.
        encoder: See there.
        anomaly: See there.
        part: The `Part`.
        train: The training `Part`.

    Returns:
        What `bound_numbers`, `coding_numbers` and `reconstruction_errors` give.
    """
    images = part.inputs["image"]
    return {
        **bound_numbers(answers(anomaly, images)["negative_elbo"]),
        **coding_numbers(**answers(encoder, images)),
        **errors_of(answers(reconstructor, images), part, train),
    }


def coding_numbers(mean, log_variance):
    """How much each dimension of a Gaussian coding tells, and how many tell nothing.

    Source: Burda, Grosse & Salakhutdinov 2015, "Importance Weighted Autoencoders", section 5: a dimension is active if the
    variance of its mean over the pictures is above 0.01.

    Args:
        mean: `(examples, codings)`.
        log_variance: The same shape.

    Returns:
        {"active_codings": number, "dead_codings": number, "kl_of_codings": [nats per picture of each dimension]}.

    Example:
        >>> mean = np.array([[1.0, 0.0], [-1.0, 0.0]])
        >>> numbers = coding_numbers(mean, np.zeros((2, 2)))
        >>> numbers["active_codings"], numbers["dead_codings"], numbers["kl_of_codings"].tolist()
        (1, 1, [0.5, 0.0])
    """
    divergence = 0.5 * np.mean(np.square(mean) + np.exp(log_variance) - 1 - log_variance, axis=0, dtype="float64")
    active = int(np.count_nonzero(np.var(mean, axis=0) > DEAD))
    return {"active_codings": active, "dead_codings": mean.shape[1] - active, "kl_of_codings": divergence}


def bound_numbers(bounds):
    """The mean of the negative evidence lower bound, and between which values it lies as a rule.

    Args:
        bounds: `(examples,)`, nats.

    Returns:
        {"negative_elbo": mean, "negative_elbo_range": [low, high], between which 98 % of the examples lie}.

    Example:
        >>> numbers = bound_numbers(np.arange(101.0))
        >>> float(numbers["negative_elbo"]), numbers["negative_elbo_range"].tolist()
        (50.0, [1.0, 99.0])
    """
    bounds = np.asarray(bounds, "float64")
    return {"negative_elbo": bounds.mean(), "negative_elbo_range": np.percentile(bounds, USUAL)}


def sampling_fields():
    """The fields of `sampler` and `latent_map`."""
    return {
        "count": Field("int32", (), 1, 1000, batched=False),
        "seed": Field("int32", (), 0, 2**31 - 1, batched=False),
        "columns": Field("int32", (), 1, 30, batched=False, default=20),
    }
