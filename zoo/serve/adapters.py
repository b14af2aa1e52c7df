"""Signatures of texts and of pictures that a file of numbers cannot hold: what is asked is turned into its numbers here."""

import dataclasses
import functools
import io
import threading

import numpy as np

from zoo.engines import DEFAULT
from zoo.errors import UsageError
from zoo.serve.signature import Signature

# Of a picture: what it takes unpacked is 12 bytes a pixel, twice that with transparency. One is unpacked at a time.
MOST_PIXELS, MOST_TRANSPARENT_PIXELS = 12_500_000, 6_250_000
_one_picture = threading.Lock()


def adapters(contract, there):
    """Signatures of text and of pictures that the engine's file does not hold.

    Args:
        contract: contract.json.
        there: {name: `Signature`} of what the engine answers.

    Returns:
        {name: (`Signature`, function)}. The function makes (signature, inputs, tell) of the question that stands behind it out of
        (inputs, tell).
    """
    default = there.get(DEFAULT)
    found = {f"{name}_text": _of_prompts(name, one) for name, one in there.items() if _reads_prompt(one)}
    if default is None or len(default.fields) != 1:
        return found
    (name, field), asked = next(iter(default.fields.items())), next(iter(default.declared.values()))
    answered, answer = next(iter(default.outputs.items()))
    is_photo = asked["kind"] == "image" and asked.get("picture") is not None and asked["dtype"] != "string"
    if "classify_bytes" not in there and is_photo and answer["kind"] == "label":

        def classify(inputs, tell):
            images = [_picture(content, asked, field) for content in inputs["image_bytes"]]
            return DEFAULT, {name: np.concatenate(images)}, tell

        found["classify_bytes"] = _of_strings("classify_bytes", "image_bytes", default.outputs), classify
    is_text = asked["kind"] == "text" and asked["dtype"] != "string"
    if "classify_text" not in there and is_text and answer["kind"] == "label":
        from zoo.data.text import padded

        def classify_texts(inputs, tell):
            return DEFAULT, {name: padded([token_numbers("text", _text(content), field) for content in inputs["text"]])}, tell

        found["classify_text"] = _of_strings("classify_text", "text", default.outputs), classify_texts
    if "translate" not in there and is_text and answer["kind"] == "text" and answer["dtype"] != "string":
        from zoo.data.text import padded

        target = vocabulary(tuple(contract["vocabularies"][answer["vocabulary"]]))

        def translate(inputs, tell):
            def told(answer):
                if not isinstance(answer, Exception):
                    tokens, score = answer[answered], answer["score"]
                    if tokens.ndim == 3:  # beams, the best first
                        tokens, score = tokens[:, 0], score[:, 0]
                    written = [target.decode(row).encode() for row in tokens]
                    answer = {"text": np.array([*written, None], object)[:-1], "score": score}
                tell(answer)

            sources = [token_numbers("text", _text(content), field) for content in inputs["text"]]
            return DEFAULT, {name: padded(sources)}, told

        outputs = {"text": {"dtype": "string", "shape": [None]}, "score": {"dtype": "float32", "shape": [None]}}
        found["translate"] = _of_strings("translate", "text", outputs), translate
    return found


def _reads_prompt(signature):
    """Whether it takes nothing but the beginning of a text, and tells what may follow."""
    kinds = [one["kind"] for one in signature.declared.values()]
    return kinds == ["prompt"] and signature.probabilities is not None


def _of_prompts(name, signature):
    """(`Signature`, function) of the same question with texts in place of token numbers."""
    from zoo.data.text import padded

    ((key, field),) = signature.fields.items()

    def ask(inputs, tell):
        return name, {key: padded([prompt_numbers("text", _text(content), field) for content in inputs["text"]])}, tell

    return _of_strings(f"{name}_text", "text", signature.outputs, kind="prompt"), ask


@functools.lru_cache(maxsize=16)
def vocabulary(pieces):
    """The `zoo.data.text.Vocabulary` of a tuple of pieces, made once: a large one takes longer than an answer."""
    from zoo.data.text import Vocabulary

    return Vocabulary(pieces)


def written_in(contract):
    """The pieces that a network of texts answers in: the last vocabulary of its contract."""
    return tuple(list(contract["vocabularies"].values())[-1])


def token_numbers(name, text, field):
    """The numbers of a text for a field with a vocabulary.

    Raises:
        UsageError: If it is too long for the field however it is cut; to cut it would take as long as it is.
    """
    words, text = vocabulary(field.vocabulary), text.strip()
    check_length(name, text, field)
    return words.encode(text)


def prompt_numbers(name, text, field):
    """The numbers of the beginning of a text, as it is written.

    Raises:
        UsageError: If it is empty, too long for the field, or holds what the network does not know.
    """
    from zoo.data.kinds.prompt import numbers_of

    check_length(name, text, field)
    numbers = numbers_of(text, name, vocabulary(field.vocabulary))
    if not numbers:
        raise UsageError(f"`{name}` is empty; expected at least a letter to begin with.")
    return numbers


def check_length(name, text, field):
    """Raises `UsageError` if a text is too long for a field however it is cut."""
    longest = vocabulary(field.vocabulary).longest
    if field.max_length is not None and len(text) > field.max_length * longest:
        raise UsageError(
            f"input `{name}` is {len(text)} characters long; expected at most {field.max_length} tokens, which are "
            f"at most {field.max_length * longest} characters."
        )


def check_picture(content):
    """Raises `UsageError` if bytes are no PNG or JPEG, or unpack to too many pixels; it reads the header only."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as file:
            large = file.width * file.height > (MOST_TRANSPARENT_PIXELS if file.has_transparency_data else MOST_PIXELS)
    except Exception:  # Pillow's readers raise errors of many kinds
        large = True
    if large:
        raise UsageError(
            f"input `image_bytes` cannot be read as a picture; expected PNG or JPEG, at most {MOST_PIXELS:,} pixels, "
            f"or {MOST_TRANSPARENT_PIXELS:,} with transparency."
        )


def _of_strings(name, key, outputs, kind=None):
    """A `Signature` of one input of texts or bytes."""
    field = {"dtype": "string", "shape": [None], **({"kind": kind} if kind else {})}
    return Signature(name, {"inputs": {key: field}, "outputs": outputs}, {})


def _picture(content, asked, field):
    """PNG or JPEG as a batch of one in the form of the training images, as the SavedModel reads it."""
    from zoo.data.kinds import image

    check_picture(content)
    try:
        with _one_picture:
            return image.read(io.BytesIO(content), "image_bytes", dataclasses.replace(field, picture=asked["picture"]))[0]
    except UsageError as error:
        raise UsageError(f"input `image_bytes`: {error}") from error


def _text(content):
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"input `text` is not UTF-8 ({error.reason}).") from error
