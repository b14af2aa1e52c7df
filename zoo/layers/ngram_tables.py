"""What an n-gram model knows, as weights of a layer, and how it is looked up inside of a graph."""

import keras
from keras import ops

LEAST = 1e-37  # of what the logarithm is taken where a probability is 0
FIRST = 4  # the token numbers below are padding, start, end and unknown


@keras.saving.register_keras_serializable("zoo")
class NgramTables(keras.layers.Layer):
    """The probability of each token after the n - 1 tokens before it, from tables of all n-grams of a text.

    The n-grams of one length stand sorted by the context that they begin with, and an n-gram is known by its place: the number
    of a longer one is found from the number of its context and from its last token, by halving. That needs gathering and
    comparing of integers only, and so runs in every format.

    With p(w | context) = share + rest * p(w | shorter context), where `share` belongs to the n-gram and `rest` to the context,
    these are the interpolated models; of what never occurred, the share is 0 and the rest 1.

    Source: Payberah 2018, "Deep Learning for Poets (Part IV)", n-gram Language Models; Chen & Goodman 1999, "An Empirical Study
    of Smoothing Techniques for Language Modeling"; Pauls & Klein 2011, "Faster and Smaller N-Gram Language Models" (n-grams known
    by the number of their context).

    Args:
        vocabulary_size: Number of tokens.
        order: n, at least 1.
        capacity: How many n-grams there can be of each length from 2 to n.
        barrier: The token that no context reaches beyond, such as the line break between sentences, or None.

    Call arguments:
        tokens: int32 `(batch, time)`.

    Returns:
        `(batch, time)`, the logarithm of the probability of each token after those before it, 0 at padding.

    Raises:
        ValueError: If `order` or `capacity` is smaller than 1.

    Example:
        >>> tuple(NgramTables(8, order=3, capacity=20)(ops.array([[4, 5, 6, 0]])).shape)
        (1, 4)
    """

    def __init__(self, vocabulary_size: int, order: int, capacity: int, barrier: int | None = None, **kwargs):
        super().__init__(**{"trainable": False, **kwargs})
        for name, value in (("order", order), ("capacity", capacity)):
            if value < 1:
                raise ValueError(f"`{name}` of NgramTables must be at least 1, got {value}.")
        self.vocabulary_size, self.order, self.capacity, self.barrier = vocabulary_size, order, capacity, barrier

    def build(self, *shapes):
        def table(name, size, dtype, initializer="zeros"):
            return self.add_weight(shape=(size,), dtype=dtype, initializer=initializer, trainable=False, name=name)

        self.unigrams = table("unigrams", self.vocabulary_size, "float32")
        self.tables, contexts = [], self.vocabulary_size
        for length in range(2, self.order + 1):
            self.tables.append(
                {
                    "tokens": table(f"tokens{length}", self.capacity, "int32"),
                    "begins": table(f"begins{length}", contexts + 1, "int32"),
                    "shares": table(f"shares{length}", self.capacity, "float32"),
                    "rests": table(f"rests{length}", contexts, "float32", "ones"),
                }
            )
            contexts = self.capacity

    def fill(self, unigrams, tables):
        """Takes over what was counted.

        Args:
            unigrams: `(vocabulary_size,)`, the probability of each token by itself.
            tables: For each length from 2 on an object with the arrays `tokens`, `begins`, `shares` and `rests`, as
                `zoo.data.ngrams.count` makes them.

        Raises:
            ValueError: If there are more n-grams than `capacity`.
        """
        needed = max((len(counted.tokens) for counted in tables), default=0)
        if needed > self.capacity:
            raise ValueError(
                f"the text has {needed:,} different n-grams of one length, and there is room for {self.capacity:,}; give "
                f"capacity={needed}."
            )
        self.unigrams.assign(unigrams)
        for own, counted in zip(self.tables, tables, strict=True):
            for name, weight in own.items():
                array = getattr(counted, name)
                filling = len(counted.tokens) if name == "begins" else 1.0 if name == "rests" else 0
                rest = weight.shape[0] - len(array)
                weight.assign(ops.concatenate([ops.cast(array, weight.dtype), ops.full((rest,), filling, weight.dtype)]))

    def call(self, tokens):
        probabilities, number = ops.take(self.unigrams, tokens, axis=0), tokens + 1
        for table in self.tables:
            context = ops.pad(number, [[0, 0], [1, 0]])[:, :-1]  # that ends one step before
            probabilities, number = self._interpolated(table, context, tokens, probabilities)
            number = self._stopped(number, tokens)
        return ops.where(tokens < FIRST, 0.0, ops.log(ops.maximum(probabilities, LEAST)))

    def compute_output_spec(self, tokens):
        return keras.KerasTensor(tokens.shape, dtype="float32")

    def following(self, token, ids):
        """One step.

        Args:
            token: int32 `(batch,)`.
            ids: int32 `(batch, order - 1)`, at least one wide: the numbers, counted from 1, of the n-grams of length 1, 2, ...
                that end with the token before; 0 where there is none.

        Returns:
            (`(batch, vocabulary_size)`, the logarithms of the probabilities of the token that follows; `(batch, order - 1)`, the
            numbers of the n-grams that end with `token`).
        """
        new = self._advance(token, [ids[:, length] for length in range(self.order - 1)])
        every = ops.arange(self.vocabulary_size, dtype="int32")[None, :]
        probabilities = self.unigrams[None, :] + ops.cast(0 * token[:, None], "float32")
        for table, context in zip(self.tables, new):
            probabilities = self._interpolated(table, context[:, None], every, probabilities)[0]
        return ops.log(ops.maximum(probabilities, LEAST)), ops.stack(new, axis=1)

    def _advance(self, token, ids):
        """The numbers of the n-grams that end with a token, up to one shorter than n."""
        new = [token + 1]
        for table, context in zip(self.tables[:-1], ids):
            new.append(self._stopped(self._found(table, context, token)[0], token))
        return new

    def _stopped(self, number, token):
        return number if self.barrier is None else ops.where(token == self.barrier, 0, number)

    def _interpolated(self, table, context, token, shorter):
        """The probabilities with this table, and the numbers of the n-grams; `shorter` are those without it."""
        number, place = self._found(table, context, token)
        share = ops.where(number > 0, ops.take(table["shares"], place, axis=0), 0.0)
        rest = ops.where(context > 0, ops.take(table["rests"], ops.maximum(context - 1, 0), axis=0), 1.0)
        return share + rest * shorter, number

    def _found(self, table, context, token):
        """The number of the n-gram, 0 where it never occurred, and its place, which then is any."""
        before = ops.maximum(context - 1, 0)
        low, end = ops.take(table["begins"], before, axis=0), ops.take(table["begins"], before + 1, axis=0)
        low, high = low + 0 * token, end + 0 * token
        for _ in range(self.vocabulary_size.bit_length()):
            middle = (low + high) // 2
            is_right = ops.logical_and(low < high, self._token(table, middle) < token)
            low, high = ops.where(is_right, middle + 1, low), ops.where(is_right, high, middle)
        found = ops.logical_and(ops.logical_and(context > 0, low < end), self._token(table, low) == token)
        place = ops.minimum(low, self.capacity - 1)
        return ops.where(found, place + 1, 0), place

    def _token(self, table, place):
        return ops.take(table["tokens"], ops.minimum(place, self.capacity - 1), axis=0)

    def get_config(self):
        names = ("vocabulary_size", "order", "capacity", "barrier")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("zoo")
class NgramStep(keras.layers.Layer):
    """`NgramTables.following` as a layer: from `token` (batch,) and `ids` (batch, order - 1) to its two results."""

    def __init__(self, tables: NgramTables, **kwargs):
        super().__init__(**kwargs)
        self.tables = tables

    def call(self, token, ids):
        return self.tables.following(token, ids)

    def compute_output_spec(self, token, ids):
        logits = keras.KerasTensor((token.shape[0], self.tables.vocabulary_size), dtype="float32")
        return logits, keras.KerasTensor(ids.shape, dtype="int32")

    def get_config(self):
        return {**super().get_config(), "tables": keras.saving.serialize_keras_object(self.tables)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "tables": keras.saving.deserialize_keras_object(config["tables"])})
