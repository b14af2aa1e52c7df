"""Functional models as functions of named arrays: what a trained network answers, in Keras and in every exported file.

The names are frozen interface. A name that Keras made up, such as `keras_tensor_5` or `dense_3`, changes with the order in which
models are built; `input` and `output`, with a number where there are several, stand in its place.
"""

import dataclasses
import itertools
import keyword
import re

import keras
import numpy as np
from keras import layers, ops

from zoo.data.contract import Field
from zoo.data.kinds.label import of_classes
from zoo.errors import UsageError
from zoo.layers.one_hot import OneHot

DEFAULT = "serving_default"
# Keras's layers and operations that give all numbers of their input as they are, in another shape.
MOVING = ("Cast", "ExpandDims", "Flatten", "Identity", "Permute", "RepeatVector", "Reshape", "Squeeze", "Transpose")
# Those that know numbers up to a bound of their own.
TABLES = (layers.Embedding, layers.CategoryEncoding, OneHot)


class Endpoint:
    """A functional Keras model with stable names.

    Args:
        model: A functional `keras.Model`, or a built `keras.Sequential`. Its outputs are a tensor, a list or a dictionary.

    Attributes:
        model: The model.
        inputs: {name: KerasTensor}, in the model's order.
        outputs: {name: KerasTensor}: named by the dictionary of outputs, else by the layers that they come from.

    Raises:
        UsageError: If the model is not functional, or a layer or a name of it cannot be exported.

    Example:
        >>> image = keras.Input((2,), name="image")
        >>> endpoint = Endpoint(keras.Model(image, layers.Dense(3, name="logits")(image)))
        >>> list(endpoint.inputs), list(endpoint.outputs)
        (['image'], ['logits'])
        >>> endpoint({"image": ops.ones((5, 2))})["logits"].shape[0]
        5
    """

    def __init__(self, model):
        if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
            raise UsageError(
                f"{getattr(model, 'name', model)!s:.80} is not a functional model (it is a {type(model).__name__}); build it as "
                "keras.Model(inputs, outputs), or wrap it: keras.Model(x := keras.Input(...), model(x))."
            )
        for layer in model._flatten_layers():
            if getattr(layer, "stateful", False) and isinstance(layer, layers.RNN):
                raise UsageError(f"layer `{layer.name}` is stateful; build it with stateful=False, its state as an input.")
            if layer.compute_dtype in ("float16", "bfloat16"):
                raise UsageError(
                    f"layer `{layer.name}` computes in {layer.compute_dtype}; build the model in float32 and give it the weights."
                )
        if isinstance(model, keras.Sequential):
            model = keras.Model(model.inputs, model.outputs[0], name=model.name)
        self.model = model
        names = [tensor.name for tensor in model.inputs]
        self.inputs = dict(zip(_stable_names(names, [name.startswith("keras_tensor") for name in names], "input"), model.inputs))
        if not isinstance(model.output, dict):
            operations = [tensor._keras_history.operation for tensor in model.outputs]
            names, made_up = [operation.name for operation in operations], [_is_made_up(operation) for operation in operations]
            self.outputs = dict(zip(_stable_names(names, made_up, "output"), model.outputs))
        elif any(keras.tree.is_nested(value) for value in model.output.values()):
            raise UsageError(f"the outputs of {model.name} are nested deeper than a dictionary; give one level of names.")
        else:
            self.outputs = dict(model.output)
        for name in (*self.inputs, *self.outputs):
            # What every runtime takes, as a keyword of a Python function too.
            if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", str(name)) or keyword.iskeyword(name) or name == "self":
                raise UsageError(
                    f"{name!r} cannot be the name of an input or an output in every format; "
                    "give one of letters, digits and _, a letter first, and no word of Python's."
                )

    def __call__(self, inputs):
        """The outputs, {name: tensor}, for {name: tensor}, in inference."""
        return self._named(self.model(self._structured(inputs), training=False))

    def predict(self, inputs, batch_size=250):
        """The outputs, {name: array}, for {name: array}, computed in batches; inputs that it does not take are left out."""
        batched = [name for name, tensor in self.inputs.items() if tensor.shape]
        if len(batched) == len(self.inputs):
            return self._named(self.model.predict(self._structured(inputs), batch_size=batch_size, verbose=0))
        # Keras would cut a single value, such as a number of steps, into batches too.
        count = len(inputs[batched[0]]) if batched else 1
        answers = []
        for start in range(0, count, batch_size):
            rows = {name: inputs[name][start : start + batch_size] for name in batched}
            answers.append(self.answer({**inputs, **rows}))
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def answer(self, inputs):
        """The outputs, {name: array}, for {name: array}, computed at once.

        A single value is as a rule how often something is done. On TensorFlow such a loop runs step by step unless it is
        compiled; on JAX it is compiled as it is, and its length must be known.
        """
        is_looped = not all(tensor.shape for tensor in self.inputs.values())
        if is_looped and keras.backend.backend() == "tensorflow":
            outputs = self._named(self.model.predict_on_batch(self._structured(inputs)))
        else:
            outputs = self(inputs)
        return {name: np.asarray(output) for name, output in outputs.items()}

    def _structured(self, inputs):
        return keras.tree.pack_sequence_as(self.model.input, [inputs[name] for name in self.inputs])

    def _named(self, outputs):
        flat = [outputs[key] for key in self.model.output] if isinstance(outputs, dict) else keras.tree.flatten(outputs)
        return dict(zip(self.outputs, flat))

    def fields(self, contract=None):
        """What every input must look like: the contract's `Field` where it has the name, else what the graph tells.

        Args:
            contract: A `Contract`, or None.

        Returns:
            {name: Field}; numbers of tokens are bounded by the embedding that reads them, other inputs are only finite.
        """
        known = {} if contract is None else contract.inputs
        return {name: known.get(name) or self._field(tensor) for name, tensor in self.inputs.items()}

    def answer_fields(self, known):
        """What every output is.

        Args:
            known: {name: Field}, as from `known_fields`.

        Returns:
            {name: Field}, with dtype and shape of the graph; an output that is not known is a vector.
        """
        fields = {}
        for name, tensor in self.outputs.items():
            graph = {"dtype": str(tensor.dtype), "shape": tuple(tensor.shape[1:])}
            fields[name] = dataclasses.replace(known[name], **graph) if name in known else Field(**graph)
        return fields

    def _field(self, tensor):
        shape, batched = tuple(tensor.shape[1:]), bool(tensor.shape)
        sizes = list(_embedding_sizes(self.model, tensor))
        low, high = (0, min(sizes) - 1) if sizes else (None, None)
        return Field(str(tensor.dtype), shape, low, high, batched=batched)

    def smallest_table(self):
        """How many numbers the smallest embedding inside knows, also one inside of a layer, or None without any."""
        inner = self.model._flatten_layers()
        sizes = [_numbers_known(layer) for layer in inner if isinstance(layer, TABLES)]
        return min(sizes, default=None)

    def check_sizes(self, inputs):
        """Raises what Keras raises where a layer leaves nothing of inputs of these sizes, as a window wider than they are.

        Run on such inputs, some layers give empty tensors without a word.
        """
        specs = {name: keras.KerasTensor(array.shape, self.inputs[name].dtype) for name, array in inputs.items()}
        self.model.compute_output_spec(self._structured(specs))


def endpoints_of(recipe, model, contract):
    """Every endpoint of a trained network, the default one first.

    Args:
        recipe: Its `Recipe`. Without `endpoints`, or where these have no "serving_default", the default endpoint is `classifier`
            if the contract has classes, else the model itself.
        model: The trained model.
        contract: Its `Contract`.

    Returns:
        {name: Endpoint}.
    """
    models = {} if recipe.endpoints is None else recipe.endpoints(model)
    if DEFAULT not in models:
        models = {DEFAULT: model if contract.classes is None else classifier(model), **models}
    return {name: Endpoint(endpoint) for name, endpoint in models.items()}


def default_endpoint(recipe, model, contract):
    """The endpoint that answers first."""
    return endpoints_of(recipe, model, contract)[DEFAULT]


def known_fields(recipe, contract):
    """What is known of the inputs and outputs of a network's endpoints.

    Args:
        recipe: Its `Recipe`.
        contract: Its `Contract`.

    Returns:
        {name: Field}: the data's inputs, what the recipe's `fields` tells, and `label` and `probabilities` of classifiers.
    """
    told = {} if recipe.fields is None else recipe.fields(contract)
    return {**answers_of_classes(contract.classes), **contract.inputs, **told}


def answers_of_classes(classes):
    """{name: Field} of what `classifier` gives; empty where there are no classes."""
    return {"label": of_classes(classes), "probabilities": of_classes(classes, probabilities=True)} if classes else {}


def classifier(model):
    """A model from logits to answers.

    Args:
        model: A functional model whose only output is `logits` (batch, classes).

    Returns:
        A `keras.Model` from the same inputs to {`probabilities`: (batch, classes), `label`: (batch,) int32, the likeliest class}.

    Example:
        >>> image = keras.Input((2,), name="image")
        >>> answers = classifier(keras.Model(image, layers.Dense(3)(image)))(ops.ones((5, 2)))
        >>> tuple(answers["probabilities"].shape), tuple(answers["label"].shape)
        ((5, 3), (5,))
    """
    # Not `argmax`, which Keras makes of operations on bits that LiteRT lacks.
    _, label = ops.top_k(model.output, 1)
    label = ops.cast(ops.squeeze(label, axis=-1), "int32")
    return keras.Model(model.input, {"probabilities": ops.softmax(model.output), "label": label}, name=model.name)


def _stable_names(names, made_up, word):
    """The names, with `word` or word_NUMBER for every one that was made up; equal ones are numbered.

    A number that would give a name that is there already is left out.
    """
    given = [name for name, is_made_up in zip(names, made_up) if not is_made_up]
    taken, stable = {name for name in given if given.count(name) == 1}, []
    for index, (name, is_made_up) in enumerate(zip(names, made_up)):
        if is_made_up:
            name = word if len(names) == 1 else _first_free(word, index, taken)
        elif given.count(name) > 1:
            name = _first_free(name, 0, taken)
        taken.add(name)
        stable.append(name)
    return stable


def _first_free(word, start, taken):
    return next(name for number in itertools.count(start) if (name := f"{word}_{number}") not in taken)


def _numbers_known(table):
    return table.input_dim if isinstance(table, layers.Embedding) else table.num_tokens


def _is_made_up(operation):
    """Whether Keras named an operation after its class, as in `dense_3`."""
    stem = re.sub(r"[\d_]", "", operation.name)
    return stem == re.sub(r"[\d_]", "", type(operation).__name__).lower()


def _embedding_sizes(model, tensor):
    """How many numbers each embedding knows that reads an input as it is, also in another shape and inside of nested models."""
    for operation in getattr(model, "operations", model.layers):
        for node in operation._inbound_nodes:
            for position, read in enumerate(node.input_tensors):
                if read is not tensor:
                    continue
                reader = operation.layer if isinstance(operation, layers.TimeDistributed) else operation
                if isinstance(reader, layers.Embedding):
                    yield reader.input_dim
                elif isinstance(reader, keras.Model) and getattr(reader, "inputs", None):
                    yield from _embedding_sizes(reader, reader.inputs[position])
                elif type(reader).__name__ in MOVING and type(reader).__module__.startswith("keras."):
                    for output in node.output_tensors:
                        yield from _embedding_sizes(model, output)
