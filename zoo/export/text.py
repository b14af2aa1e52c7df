"""Text to token numbers and back inside a TensorFlow graph."""

import sys

import tensorflow as tf

from zoo.data.text import END, PADDING, SPACE, UNKNOWN, small_letters, without_capitals

TEXT_END = b"\xff"  # in no valid UTF-8, so in no piece and no text


class TextGraph(tf.Module):
    """A `zoo.data.text.Vocabulary` that can be traced and saved: the same numbers, the same texts.

    Args:
        pieces: The pieces of the vocabulary, `Vocabulary.pieces`.

    Example:
        >>> from zoo.data.text import SPECIAL
        >>> words = TextGraph([*SPECIAL, "a", "b", "ab", SPACE])
        >>> words.encode(tf.constant(["ab a", ""])).numpy().tolist()
        [[6, 7, 4, 2], [2, 0, 0, 0]]
        >>> words.decode(tf.constant([[6, 7, 4, 2, 5]])).numpy().tolist()
        [b'ab a']
    """

    def __init__(self, pieces):
        super().__init__()
        numbers = {TEXT_END: END}
        for number, piece in enumerate(pieces):
            # A space is found at the beginning of a piece only, where U+2581 stands for it.
            if number > UNKNOWN and piece and " " not in piece:
                spellings = {piece, " " + piece[1:]} if piece.startswith(SPACE) else {piece}
                numbers.update((spelling.encode(), number) for spelling in spellings)
        self.longest = max([1, *map(len, pieces[4:])])
        self.numbers = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(list(numbers), tf.constant(list(numbers.values()), tf.int32)), UNKNOWN
        )
        # Only of letters that the pieces have: any other is unknown in both sizes. A table, as TensorFlow's Unicode is older.
        small = _capitals(set("".join(pieces[4:]))) if without_capitals(pieces) else {}
        small = {"": "", **small}  # a table needs an entry
        self.small = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(list(small)), tf.constant(list(small.values()))), ""
        )
        self.texts = tf.constant(["", "", "", "\ufffd", *(piece.replace(SPACE, " ") for piece in pieces[4:])])

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def encode(self, text):
        """The numbers of texts, each with the end token.

        Args:
            text: `(batch,)` UTF-8; a byte that is none counts as U+FFFD.

        Returns:
            `(batch, time)` int32, padded with 0 on the right.
        """
        ends = tf.fill((tf.size(text), 1), TEXT_END)
        letters = tf.strings.unicode_split(text, "UTF-8")  # (batch, characters), ragged
        small = self.small.lookup(letters.flat_values)
        letters = letters.with_flat_values(tf.where(small == "", letters.flat_values, small))
        characters = tf.concat([letters, ends], axis=1)
        # No piece goes on after an end, so the batch is cut as if it were one text.
        numbers, lengths = self._longest_pieces(characters.flat_values)
        cuts = characters.with_flat_values(_on_the_way(lengths))
        return tf.ragged.boolean_mask(characters.with_flat_values(numbers), cuts).to_tensor(PADDING)

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32)])
    def decode(self, tokens):
        """The texts of numbers up to the end token.

        Args:
            tokens: `(batch, time)`; 0 and 1 give no text, 3 and numbers outside the vocabulary give U+FFFD.

        Returns:
            `(batch,)` UTF-8.
        """
        known = (tokens >= 0) & (tokens < tf.size(self.texts))
        texts = tf.gather(self.texts, tf.where(known, tokens, UNKNOWN))
        before_the_end = tf.cumsum(tf.cast(tokens == END, tf.int32), axis=1) == 0
        return tf.strings.reduce_join(tf.where(before_the_end, texts, ""), axis=1)

    def _longest_pieces(self, characters):
        """(characters,) -> number and length of the longest piece that begins at each, (characters,) both."""
        window, numbers = characters, self.numbers.lookup(characters)
        lengths = tf.ones_like(numbers)
        for length in tf.range(2, self.longest + 1):
            window += tf.roll(characters, 1 - length, axis=0)
            found = self.numbers.lookup(window)
            numbers = tf.where(found == UNKNOWN, numbers, found)
            lengths = tf.where(found == UNKNOWN, lengths, length)
        return numbers, lengths


def _capitals(letters):
    """{capital: small letter} of every character that is one of these letters in small."""
    every = map(chr, range(sys.maxunicode + 1))
    return {letter: low for letter in every if (low := small_letters(letter)) != letter and low in letters}


def _on_the_way(lengths):
    """(positions,) the step from each to a later one, or to the end -> (positions,) whether steps from the first come by."""
    end = tf.size(lengths)
    leap = tf.concat([tf.range(end) + lengths, [end]], axis=0)
    visited = tf.range(end + 1) == 0
    # Leaps double in length: after n rounds the first 2 ** n stops are known.
    while leap[0] < end:
        stops = tf.boolean_mask(leap, visited)
        visited = tf.tensor_scatter_nd_update(visited, stops[:, None], tf.ones_like(stops, tf.bool))
        leap = tf.gather(leap, leap)
    return visited[:-1]
