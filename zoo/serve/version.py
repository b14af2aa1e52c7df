"""One exported version of a network in memory: its contract, its engine and its queue."""

import functools
import importlib.util
import io
import threading

import numpy as np

from zoo.data.contract import Field
from zoo.engines import DEFAULT, LITERT, ONNX, SAVED_MODEL, golden_arrays, open_engine, reason_of
from zoo.errors import UsageError
from zoo.files import read_json
from zoo.serve.batching import Batcher

FILES = {"litert": LITERT, "onnx": ONNX, "saved_model": SAVED_MODEL}  # in the order of preference
RUNTIMES = {"litert": "ai_edge_litert", "onnx": "onnxruntime", "saved_model": "tensorflow"}
MOST_PIXELS = 50_000_000  # of a picture, as in an exported SavedModel
BYTES = "_bytes"  # ends the name of a tensor of bytes that are no text, as in TensorFlow Serving


class Signature:
    """What one signature takes and gives.

    Args:
        name: Its name.
        declared: What contract.json says of it.
        vocabularies: {name: pieces} of contract.json.

    Attributes:
        fields: {input: `Field`}; of an input of texts or bytes None.
        outputs: {output: {"dtype", "shape"}}.
        batch: The fixed batch size, or None.
        is_batched: Whether all inputs come in batches.
    """

    def __init__(self, name, declared, vocabularies):
        self.name, self.declared, self.outputs = name, declared["inputs"], declared["outputs"]
        self.fields, sizes = {}, []
        for key, one in self.declared.items():
            shape = one["shape"]
            if one["dtype"] == "string":
                self.fields[key] = None
                sizes.append(shape[0])
                continue
            vocabulary = one.get("vocabulary") and tuple(vocabularies[one["vocabulary"]])
            batched = bool(shape)
            rest = tuple(shape[1:]) if batched else ()
            self.fields[key] = Field(one["dtype"], rest, one["minimum"], one["maximum"], vocabulary, one["max_length"], batched)
            sizes += shape[:1]
        fixed = {size for size in sizes if size is not None}
        self.batch = max(fixed) if fixed else None
        self.is_batched = len(sizes) == len(self.declared)

    def check(self, inputs):
        """The number of rows of inputs that keep the contract; None for single values.

        Raises:
            UsageError: If they do not keep it; the message names the input.
        """
        if set(inputs) != set(self.fields):
            raise UsageError(f"inputs are {sorted(inputs)}; expected {sorted(self.fields)}.")
        for name, field in self.fields.items():
            if field is not None:
                field.check(name, inputs[name])
            elif inputs[name].ndim != 1 or not inputs[name].size:
                raise UsageError(f"input `{name}` has shape {inputs[name].shape}; expected (batch) texts or bytes, at least one.")
        if not self.is_batched:
            return None
        rows = {name: len(array) for name, array in inputs.items()}
        if len(set(rows.values())) > 1:
            raise UsageError(f"the inputs have different batch sizes, {rows}; expected one.")
        return next(iter(rows.values()))


class Version:
    """One version of a model.

    Args:
        name: Name of the model.
        number: Number of the version.
        folder: Its folder, with contract.json, golden.json and at least one exported file.
        engine: "litert", "onnx", "saved_model", or None for the first of them that is there and whose runtime is installed.
        threads: Threads of one call.
        batching: Keywords of `Batcher`.

    Attributes:
        signatures: {name: `Signature`} of all that it answers.
        engine: Name of the engine that runs.
        contract: contract.json.

    Raises:
        UsageError: If the folder is no exported version, or its golden requests are not answered as they were.
    """

    def __init__(self, name, number, folder, engine=None, threads=1, batching=None):
        self.name, self.number, self.folder = name, number, folder
        self.contract = read_json(folder / "contract.json", "export again")
        try:
            vocabularies = self.contract["vocabularies"]
            declared = {
                key: (Signature(key, one, vocabularies), one["formats"]) for key, one in self.contract["signatures"].items()
            }
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            raise UsageError(f"{folder / 'contract.json'} is damaged ({error!r}); export again.") from error
        self._engine, self.engine = _open(folder, engine, threads)
        self.signatures = {key: signature for key, (signature, formats) in declared.items() if key in self._engine.signatures}
        adapted = _adapters(self.contract, self.signatures)
        self.signatures.update({key: signature for key, (signature, _) in adapted.items()})
        self._adapted = {key: adapter for key, (_, adapter) in adapted.items()}
        self._users, self._free = 0, threading.Condition()
        fixed = {signature.batch for signature in self.signatures.values()} - {None}
        self.batcher = Batcher(self._run, **{**(batching or {}), **({"max_batch": max(fixed)} if fixed else {})})
        try:
            self._replay()
        except BaseException:
            self.batcher.stop()
            raise

    @property
    def classes(self):
        """The names of the classes, or None."""
        return self.contract.get("classes")

    def signature(self, name=""):
        """A `Signature` by its name; the default one for an empty name.

        Raises:
            UsageError: If there is none.
        """
        found = self.signatures.get(name or DEFAULT)
        if found is None:
            raise UsageError(f'Serving signature name: "{name or DEFAULT}" not found in signature def')
        return found

    def is_adapted(self, signature):
        """Whether a signature's inputs are made from pictures or texts here, which can take a while."""
        return signature.name in self._adapted

    @property
    def is_alone(self):
        """Whether only one request is at it."""
        return self._users == 1

    def answer_now(self, signature, inputs):
        """The outputs at once, for a lone request to a quick engine; None where they have to be waited for.

        Raises:
            UsageError: If the inputs do not keep the contract.
        """
        if signature.name in self._adapted or not self.batcher.is_idle:
            return None
        return self.batcher.now(signature.name, inputs, signature.check(inputs))

    def answer(self, signature, inputs, tell, is_wanted=lambda: True):
        """Answers checked inputs through the queue; `tell` is called once, in another thread, with outputs or an exception.

        Raises:
            UsageError: If the inputs do not keep the contract.
            QueueFull: If there is no room.
            Stopped: If another version has taken over.
        """
        adapter = self._adapted.get(signature.name)
        if adapter is not None:
            signature.check(inputs)
            name, inputs, tell = adapter(inputs, tell)
            signature = self.signatures[name]
        rows = signature.check(inputs)
        self.batcher.submit(signature.name, inputs, rows, tell, is_wanted)

    def __enter__(self):
        with self._free:
            self._users += 1
        return self

    def __exit__(self, *error):
        with self._free:
            self._users -= 1
            self._free.notify_all()

    def close(self, timeout):
        """Waits, for a bounded time, until nobody uses it, and ends its thread."""
        with self._free:
            self._free.wait_for(lambda: not self._users, timeout)
        self.batcher.stop()

    def _run(self, signature, inputs):
        fixed = self.signatures[signature].batch
        if fixed is None:
            return self._engine.run(signature, inputs)
        rows = len(next(iter(inputs.values())))
        if rows < fixed:
            inputs = {
                name: np.concatenate([array, np.repeat(array[-1:], fixed - rows, axis=0)]) for name, array in inputs.items()
            }
        return {name: array[:rows] for name, array in self._engine.run(signature, inputs).items()}

    def _replay(self):
        """Asks the golden requests, which also warms the engine up.

        Raises:
            UsageError: If an answer is another than it was.
        """
        allowed = _allowed(self.folder, self.engine)
        for request in read_json(self.folder / "golden.json", "export again"):
            try:
                name, inputs, expected = request["signature"], golden_arrays(request["inputs"]), golden_arrays(request["outputs"])
            except (KeyError, TypeError, ValueError) as error:
                raise UsageError(f"{self.folder / 'golden.json'} is damaged ({error!r}); export again.") from error
            if name not in self.signatures:
                continue
            if self.signatures[name].batch is not None and any(
                len(array) > self.signatures[name].batch for array in inputs.values()
            ):
                continue
            answered, done = [], threading.Event()
            self.answer(self.signatures[name], inputs, lambda answer, to=answered, done=done: (to.append(answer), done.set()))
            done.wait()
            if isinstance(answered[0], Exception):
                raise UsageError(
                    f"{self.folder / FILES[self.engine]} does not answer its golden requests: {reason_of(answered[0])}"
                )
            for key, right in expected.items():
                if not _agree(answered[0].get(key), right, allowed):
                    raise UsageError(
                        f"{self.folder / FILES[self.engine]} answers its golden requests otherwise in `{key}` of {name}."
                    )


def _open(folder, engine, threads):
    """The engine asked for, or the first one that is there and opens."""
    there = [key for key, file in FILES.items() if (folder / file).is_file() and engine in (None, key)]
    if not there:
        raise UsageError(f"{folder} holds no {FILES[engine] if engine else 'exported file'}; make one with `zoo export`.")
    reasons = []
    for key in there:
        if importlib.util.find_spec(RUNTIMES[key]) is None:
            reasons.append(f"{FILES[key]} needs {RUNTIMES[key]}, which is not installed")
            continue
        try:
            return open_engine(folder / FILES[key], threads), key
        except Exception as error:  # every runtime has its own
            reasons.append(f"{FILES[key]} cannot be opened: {reason_of(error)}")
    raise UsageError(f"{folder}: {'; '.join(reasons)}.")


def _adapters(contract, there):
    """Signatures of text and of pictures that the engine's file cannot hold, {name: (`Signature`, function)}.

    The function makes (signature, inputs, tell) of the question that stands behind it out of (inputs, tell).
    """
    default, found = there.get(DEFAULT), {}
    if default is None or len(default.fields) != 1:
        return found
    name, field = next(iter(default.fields.items()))
    if "classify_bytes" not in there and contract.get("picture") is not None and "probabilities" in default.outputs:

        def classify(inputs, tell):
            images = [_picture(content, contract["picture"]) for content in inputs["image_bytes"]]
            shape = (len(images), *(-1 if size is None else size for size in field.shape))
            return DEFAULT, {name: np.stack(images).reshape(shape)}, tell

        found["classify_bytes"] = _of_strings("classify_bytes", "image_bytes", default.outputs), classify
    if "translate" not in there and field is not None and field.vocabulary is not None and "tokens" in default.outputs:
        from zoo.data.text import padded

        source, target = vocabulary(field.vocabulary), vocabulary(written_in(contract))

        def translate(inputs, tell):
            texts = [_text(content) for content in inputs["text"]]

            def told(answer):
                if not isinstance(answer, Exception):
                    tokens, score = answer["tokens"], answer["score"]
                    if tokens.ndim == 3:  # beams, the best first
                        tokens, score = tokens[:, 0], score[:, 0]
                    written = [target.decode(row).encode() for row in tokens]
                    answer = {"text": np.array([*written, None], object)[:-1], "score": score}
                tell(answer)

            return DEFAULT, {name: padded([source.encode(text.strip()) for text in texts])}, told

        outputs = {"text": {"dtype": "string", "shape": [None]}, "score": {"dtype": "float32", "shape": [None]}}
        found["translate"] = _of_strings("translate", "text", outputs), translate
    return found


@functools.lru_cache(maxsize=16)
def vocabulary(pieces):
    """The `zoo.data.text.Vocabulary` of a tuple of pieces, made once: a large one takes longer than an answer."""
    from zoo.data.text import Vocabulary

    return Vocabulary(pieces)


def written_in(contract):
    """The pieces that a network of texts answers in: the last vocabulary of its contract."""
    return tuple(list(contract["vocabularies"].values())[-1])


def _of_strings(name, key, outputs):
    """A `Signature` of one input of texts or bytes."""
    return Signature(name, {"inputs": {key: {"dtype": "string", "shape": [None]}}, "outputs": outputs}, {})


def _picture(content, form):
    """PNG or JPEG in the form of the training images, as the SavedModel reads it."""
    from PIL import Image

    from zoo.data.pictures import fitted, light_on_dark

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as file:  # reads the header only
            large = file.width * file.height > MOST_PIXELS
    except Exception:  # Pillow's readers raise errors of many kinds
        large = True
    if large:
        raise UsageError(
            f"input `image_bytes` cannot be read as a picture; expected PNG or JPEG, at most {MOST_PIXELS:,} pixels."
        )
    try:
        read = fitted if "shape" in form else light_on_dark
        return read(io.BytesIO(content), **form)[0]
    except UsageError as error:
        raise UsageError(f"input `image_bytes`: {error}") from error


def _text(content):
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"input `text` is no UTF-8 ({error.reason}).") from error


def _allowed(folder, engine):
    """How far an answer may be from the golden one: as far as it was when the file was proven, and a little more."""
    report = read_json(folder / "export.json", "export again") if (folder / "export.json").is_file() else {}
    try:
        differs = report["files"][engine]["golden_difference"]
    except (KeyError, TypeError):
        differs = 0.0
    return max(2e-5, 1.05 * differs + 1e-5)


def _agree(given, right, allowed):
    if given is None or np.shape(given) != right.shape:
        return False
    if right.dtype.kind != "f":
        # A quantized file was allowed to answer otherwise now and then.
        return bool(np.mean(np.asarray(given) != right) <= (allowed if allowed > 1e-3 else 0)) if right.size else True
    scale = max(1.0, float(np.abs(right[np.isfinite(right)]).max(initial=0)))
    same = (given == right) | (np.isnan(given) & np.isnan(right))
    return bool(np.all(same | (np.abs(given.astype("float64") - right) <= allowed * scale)))
