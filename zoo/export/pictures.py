"""Pictures to the form of the training images inside a TensorFlow graph."""

import tensorflow as tf

from zoo.data.pictures import INK

MOST_PIXELS = 50_000_000  # as many as phones take; to read them takes 1.7 GB of memory
PNG = b"\x89PNG\r\n\x1a\n"


def decode_picture(content, size=28, box=20, center="mass"):
    """Reads PNG or JPEG and gives it the form of MNIST: `zoo.data.pictures.light_on_dark` for a graph.

    A picture that is to be turned as its EXIF data say is not turned; that is the only step left out.

    Args:
        content: The bytes of a PNG or JPEG, scalar string.
        size: Height and width of the result.
        box: The longer side of the ink in the result.
        center: "mass" puts the centre of mass into the middle, "box" the middle of the ink's box.

    Returns:
        `(size, size, 1)` float32 in [0, 1].

    Raises:
        tf.errors.InvalidArgumentError: When run, if the bytes are no picture, or it is too large or blank.

    Example:
        >>> pixels = tf.pad(tf.zeros((60, 10, 1), tf.uint8), [[10, 10], [25, 25], [0, 0]], constant_values=255)
        >>> image = decode_picture(tf.io.encode_png(pixels))
        >>> tuple(image.shape), float(tf.reduce_max(image))
        ((28, 28, 1), 1.0)
    """
    grey = _read_grey(content)
    border = tf.sort(tf.concat([grey[0], grey[-1], grey[:, 0], grey[:, -1]], axis=0))
    half = tf.size(border) // 2
    background = (border[half - 1] + border[half]) / 2
    dark_on_light = background > (tf.reduce_min(grey) + tf.reduce_max(grey)) / 2
    ink = tf.maximum(tf.where(dark_on_light, background - grey, grey - background), 0)
    blank = "input `image_bytes` is blank; expected a picture of one thing, dark on light or light on dark."
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_max(ink) >= 8, [blank])]):
        has_the_form = tf.reduce_all(tf.shape(grey) == size) & ~dark_on_light
        image = tf.cond(has_the_form, lambda: grey[..., None] / 255, lambda: _fit(ink, size, box, center))
    return tf.ensure_shape(image, (size, size, 1))


def decode_pictures(contents, size=28, box=20, center="mass"):
    """`decode_picture` of each of `(batch,)` strings: `(batch, size, size, 1)` float32 in [0, 1].

    Example:
        >>> pixels = tf.linalg.diag(tf.fill([40], tf.constant(200, tf.uint8)))[..., None]
        >>> decode_pictures(tf.stack([tf.io.encode_png(pixels), tf.io.encode_jpeg(pixels)])).shape
        TensorShape([2, 28, 28, 1])
    """
    form = tf.TensorSpec((size, size, 1), tf.float32)
    # One at a time, so that only one large picture is in memory.
    return tf.map_fn(
        lambda content: decode_picture(content, size, box, center), contents, fn_output_signature=form, parallel_iterations=1
    )


def decode_photos(contents, shape):
    """The middle of each picture, resized: `zoo.data.pictures.fitted` for a graph.

    Args:
        contents: The bytes of PNG or JPEG pictures, `(batch,)` strings.
        shape: Height, width and channels of the result, 1 or 3.

    Returns:
        `(batch, *shape)` float32 in [0, 1].

    Raises:
        tf.errors.InvalidArgumentError: When run, if the bytes are no picture, or it is too large.

    Example:
        >>> pixels = tf.fill([40, 60, 3], tf.constant(255, tf.uint8))
        >>> decode_photos(tf.stack([tf.io.encode_png(pixels), tf.io.encode_jpeg(pixels)]), (32, 32, 3)).shape
        TensorShape([2, 32, 32, 3])
    """
    shape = tuple(shape)
    form = tf.TensorSpec(shape, tf.float32)
    return tf.map_fn(lambda content: _decode_photo(content, shape), contents, fn_output_signature=form, parallel_iterations=1)


def _decode_photo(content, shape):
    *colours, alpha = _read_rgba(content)
    colours = _on_paper(colours, alpha, 255.0)
    pixels = _luma(*colours)[..., None] if shape[2] == 1 else tf.stack(colours, axis=-1)  # (height, width, channels)
    wanted, there = tf.constant(shape[:2]), tf.shape(pixels)[:2]
    scale = tf.reduce_min(tf.cast(there, tf.float64) / tf.cast(wanted, tf.float64))
    sides = tf.maximum(1, tf.cast(tf.round(tf.cast(wanted, tf.float64) * scale), tf.int32))
    top, left = tf.unstack((there - sides) // 2)
    pixels = pixels[top : top + sides[0], left : left + sides[1]]
    resized = tf.cond(
        tf.reduce_all(sides == wanted),
        lambda: pixels,
        lambda: tf.round(tf.clip_by_value(tf.image.resize(pixels, wanted, "lanczos3", antialias=True), 0, 255)),
    )
    return tf.ensure_shape(resized / 255, shape)


def _read_grey(content):
    """Bytes -> (height, width) float32 from 0 to 255."""
    *colours, alpha = _read_rgba(content)
    mean = tf.math.divide_no_nan(tf.reduce_sum(_luma(*colours) * alpha), tf.reduce_sum(alpha))
    paper = tf.where((mean > 127) & (tf.reduce_min(alpha) < 128), 0.0, 255.0)
    return _luma(*_on_paper(colours, alpha, paper))


def _on_paper(colours, alpha, paper):
    return [tf.round((colour * alpha + paper * (255 - alpha)) / 255) for colour in colours]


def _read_rgba(content):
    """Bytes -> red, green, blue and alpha, each (height, width) float32 from 0 to 255."""
    # A data set is what catches an error inside a graph, so that there is one message for all that libpng and libjpeg say.
    pictures = tf.data.Dataset.from_tensors(content).map(_decode).ignore_errors()
    nothing = tf.data.Dataset.from_tensors(tf.zeros((0, 0, 4), tf.uint8))
    rgba = pictures.concatenate(nothing).take(1).get_single_element()
    unread = f"input `image_bytes` cannot be read as a picture; expected PNG or JPEG, at most {MOST_PIXELS:,} pixels."
    with tf.control_dependencies([tf.debugging.Assert(tf.size(rgba) > 0, [unread])]):
        return [tf.cast(channel, tf.float32) for channel in tf.unstack(rgba, axis=-1)]


def _decode(content):
    """Bytes -> (height, width, 4) uint8, or an error."""
    is_png = tf.strings.substr(content, 0, len(PNG)) == PNG
    return tf.cond(is_png, lambda: _decode_png(content), lambda: _decode_jpeg(content))


def _decode_png(content):
    shape = tf.io.decode_raw(tf.strings.substr(content, 16, 8), tf.int32, little_endian=False)
    rgba = tf.io.decode_png(_unless_large(content, shape), channels=4)
    # Where a colour has less than 8 bits, the alpha that is added to an opaque picture has no more.
    bits = tf.cast(tf.io.decode_raw(tf.strings.substr(content, 24, 1), tf.uint8)[0], tf.int32)
    opaque = tf.reduce_all(tf.cast(rgba[..., 3], tf.int32) == 2 ** tf.minimum(bits, 8) - 1)
    return tf.where([False, False, False, opaque], tf.constant(255, tf.uint8), rgba)


def _decode_jpeg(content):
    shape = tf.io.extract_jpeg_shape(content)[:2]
    # The transform that Pillow takes.
    rgb = tf.io.decode_jpeg(_unless_large(content, shape), channels=3, dct_method="INTEGER_ACCURATE")
    return tf.pad(rgb, [[0, 0], [0, 0], [0, 1]], constant_values=255)


def _unless_large(content, shape):
    """The bytes, or none if they hold too many pixels: no bytes are no picture."""
    return tf.where(tf.reduce_prod(tf.cast(shape, tf.int64)) <= MOST_PIXELS, content, "")


def _luma(red, green, blue):
    """Whole numbers from 0 to 255, rounded as Pillow rounds."""
    # Below 2 ** 24, where float32 is exact.
    return tf.floor((19595 * red + 38470 * green + 7471 * blue + 32768) / 65536)


def _fit(ink, size, box, center):
    """(height, width) -> (size, size, 1) in [0, 1]: cut out, scaled to the box, put into the middle."""
    ink /= tf.reduce_max(ink)
    ink = tf.where(ink < INK, 0.0, ink)
    rows, columns = (tf.where(tf.reduce_any(ink > 0, axis=axis))[:, 0] for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, None]
    sides = tf.cast(tf.shape(ink)[:2], tf.float64)
    sides = tf.maximum(tf.cast(tf.round(sides * (box / tf.reduce_max(sides))), tf.int32), 1)
    fitted = tf.clip_by_value(tf.image.resize(ink, sides, "lanczos3", antialias=True), 0, 1)
    fitted /= tf.reduce_max(fitted)
    middle = tf.cast(sides - 1, tf.float64) / 2
    if center == "mass":
        positions = tf.stack(tf.meshgrid(tf.range(sides[0]), tf.range(sides[1]), indexing="ij"), axis=-1)  # (height, width, 2)
        mass = tf.cast(fitted, tf.float64)
        middle = tf.reduce_sum(mass * tf.cast(positions, tf.float64), axis=(0, 1)) / tf.reduce_sum(mass)
    before = tf.round(tf.round(((size - 1) / 2 - middle) * 1000) / 1000)  # twice, as `light_on_dark` does
    before = tf.clip_by_value(tf.cast(before, tf.int32), 0, size - sides)
    return tf.pad(fitted, [[before[0], size - sides[0] - before[0]], [before[1], size - sides[1] - before[1]], [0, 0]])
