"""Signatures of a SavedModel that take text or pictures as they are; LiteRT and ONNX take numbers only."""

import tensorflow as tf

from zoo.export.graph import checked
from zoo.export.pictures import decode_photos, decode_pictures
from zoo.export.text import TextGraph


class Translate(tf.Module):
    """Text to text, with the vocabularies inside.

    Args:
        endpoint: An `Endpoint` from token numbers to {`tokens`: (batch, time) or (batch, beams, time), best first, `score`}.
        field: The `Field` of its input, with its vocabulary.
        pieces: The vocabulary of its output.
    """

    def __init__(self, endpoint, field, pieces):
        super().__init__()
        name = next(iter(endpoint.inputs))
        source, target = TextGraph(field.vocabulary), TextGraph(pieces)
        self.kept = [source, target, [variable.value for variable in endpoint.model.variables]]

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")], autograph=False)
        def call(text):
            tokens = checked(name, source.encode(tf.strings.strip(text)), field)
            answers = endpoint({name: tokens})
            tokens, score = answers["tokens"], answers["score"]
            if tokens.shape.rank == 3:
                tokens, score = tokens[:, 0], score[:, 0]
            return {"text": target.decode(tokens), "score": score}

        self.call = call


class ClassifyText(tf.Module):
    """Text to classes, with the vocabulary inside.

    Args:
        endpoint: An `Endpoint` from token numbers to any answers.
        field: The `Field` of its input, with its vocabulary.
    """

    def __init__(self, endpoint, field):
        super().__init__()
        name = next(iter(endpoint.inputs))
        words = TextGraph(field.vocabulary)
        self.kept = [words, [variable.value for variable in endpoint.model.variables]]

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")], autograph=False)
        def call(text):
            return endpoint({name: checked(name, words.encode(tf.strings.strip(text)), field)})

        self.call = call


class ClassifyBytes(tf.Module):
    """PNG or JPEG files to classes, read as `zoo predict` reads a picture.

    Args:
        endpoint: An `Endpoint` from images, or from sequences of their rows, to any answers.
        field: The `Field` of its input.
        picture: Keywords of `zoo.export.pictures.decode_photos` ("shape"), or else of `decode_pictures`.
    """

    def __init__(self, endpoint, field, picture):
        super().__init__()
        name = next(iter(endpoint.inputs))
        self.kept = [variable.value for variable in endpoint.model.variables]
        decode = decode_photos if "shape" in picture else decode_pictures

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")], autograph=False)
        def call(image_bytes):
            images = decode(image_bytes, **picture)  # (batch, height, width, channels)
            if (field.minimum, field.maximum) != (0.0, 1.0):
                images = field.minimum + (field.maximum - field.minimum) * images
            shape = [tf.shape(images)[0], *(-1 if size is None else size for size in field.shape)]
            return endpoint({name: checked(name, tf.reshape(images, shape), field)})

        self.call = call
