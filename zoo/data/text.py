"""Text to token numbers and back."""

import collections
import functools
import re

import numpy as np

from zoo.data.contract import Contract, Field, Part

PADDING, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("<padding>", "<start>", "<end>", "<unknown>")
LONGEST_KEPT = 40  # characters of a word whose numbers are kept
SPACE = "\u2581"  # stands for the space inside a piece, as SentencePiece writes it
WORDS = "<words>"  # the piece after the special ones of a vocabulary of whole words
WORD = re.compile(r"\n|\S+")
SIGN = re.compile(r"[\w']+|[^\w\s]")  # a sign beside a word, or the word


class Vocabulary:
    """Pieces of text and their numbers.

    Text is cut from left to right, always at the longest piece that fits; a character that no piece begins with is
    `<unknown>`. Spaces are kept, as the character U+2581, so that decoding gives the text back. With single characters for
    pieces this is a character vocabulary. Where no piece has a capital letter, capitals are read as small letters.

    A vocabulary of whole words has the piece `<words>` after the special ones. Text is then cut at spaces and line breaks, and a
    word that is not in the vocabulary is cut at its signs, such as commas, or is `<unknown>` as a whole.

    Args:
        pieces: Every piece in the order of its number; the first four are the special ones of `SPECIAL`.

    Raises:
        ValueError: If the first four are others, or a piece occurs twice.

    Example:
        >>> words = Vocabulary([*SPECIAL, "a", "b", "ab", SPACE])
        >>> words.encode("ab a")
        [6, 7, 4, 2]
        >>> words.decode([6, 7, 4, 2, 0])
        'ab a'
        >>> words.encode("AB")
        [6, 2]
    """

    def __init__(self, pieces):
        self.pieces = tuple(pieces)
        if self.pieces[:4] != SPECIAL:
            raise ValueError(f"a vocabulary starts with {SPECIAL}, got {self.pieces[:4]}.")
        if len(set(self.pieces)) != len(self.pieces):
            raise ValueError("a piece occurs twice in the vocabulary.")
        # Without the special ones: a text that spells "<end>" does not end there.
        self.numbers = {piece: number for number, piece in enumerate(self.pieces) if number > UNKNOWN}
        self.has_words = WORDS in self.pieces[4:5]
        self.longest = max(map(len, self.pieces[4:]), default=1)
        self.is_small = without_capitals(self.pieces)
        self._encode_short_word = functools.lru_cache(maxsize=20_000)(self._longest_first)

    @classmethod
    def of_characters(cls, texts, minimum_count=1):
        """The vocabulary of the characters that `texts` have so often."""
        counts = collections.Counter("".join(texts).replace(" ", SPACE))
        return cls([*SPECIAL, *sorted(character for character, count in counts.items() if count >= minimum_count)])

    @classmethod
    def of_words(cls, texts, minimum_count=1):
        """The vocabulary of the words, between spaces, and the line breaks that `texts` have so often."""
        counts = collections.Counter(word for text in texts for word in WORD.findall(text))
        kept = sorted(word for word, count in counts.items() if count >= minimum_count)
        return cls([*SPECIAL, WORDS, *(word if word == "\n" else SPACE + word for word in kept)])

    @classmethod
    def of_subwords(cls, texts, size):
        """A vocabulary of at most `size` pieces, learned from `texts` by byte-pair encoding (Sennrich et al. 2016).

        Every character is a piece; where they are too many, the rarest are not.
        """
        import io

        import sentencepiece

        characters = collections.Counter("".join(texts).replace(" ", ""))
        rare = {ord(character): " " for character, _ in characters.most_common()[size - 5 :]}
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(text.translate(rare) for text in texts),
            model_writer=model,
            model_type="bpe",
            vocab_size=size - 3,  # its own unknown piece is dropped, our four are added
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            bos_id=-1,
            eos_id=-1,
            unk_piece=" ",  # no text spells it, as it could "<unk>"
            max_sentence_length=2**30,
            num_threads=1,
            minloglevel=2,
        )
        learned = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        pieces = [learned.id_to_piece(number) for number in range(learned.get_piece_size())]
        return cls([*SPECIAL, *(piece for piece in pieces if piece != " ")])

    def __len__(self):
        return len(self.pieces)

    def encode(self, text):
        """The numbers of a text, with the end token."""
        if self.is_small:
            text = small_letters(text)
        if self.has_words:
            return [number for word in WORD.findall(text) for number in self._whole(word)] + [END]
        # A piece holds a space at its beginning only, so words can be cut one by one.
        words = text.replace(" ", " " + SPACE).split(" ")
        return [number for word in words for number in self._encode_word(word)] + [END]

    def _whole(self, word):
        """The number of a whole word, or of a word and its signs."""
        parts = [word] if word == "\n" or SPACE + word in self.numbers else SIGN.findall(word)
        numbers = [self.numbers.get(part if part == "\n" else SPACE + part, UNKNOWN) for part in parts]
        return [UNKNOWN] if UNKNOWN in numbers else numbers

    def _encode_word(self, word):
        # Long words, which are rare, are not kept: a server is sent any.
        return self._encode_short_word(word) if len(word) <= LONGEST_KEPT else self._longest_first(word)

    def decode(self, numbers):
        """The text of numbers up to the end token; special numbers give no text, the unknown one gives U+FFFD."""
        text = []
        for number in numbers:
            if number == END:
                break
            if number == UNKNOWN:
                text.append("\ufffd")
            elif number > UNKNOWN:
                text.append(self.pieces[number])
        return "".join(text).replace(SPACE, " ")

    def _longest_first(self, word):
        numbers, start = [], 0
        while start < len(word):
            for end in range(min(len(word), start + self.longest), start, -1):
                number = self.numbers.get(word[start:end])
                if number is not None:
                    break
            else:
                number, end = UNKNOWN, start + 1
            numbers.append(number)
            start = end
        return tuple(numbers)


def small_letters(text):
    """A text in small letters, character by character: a letter that has no single small one stays as it is.

    Example:
        >>> small_letters("Ein ÜBEL")
        'ein übel'
    """
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


def without_capitals(pieces):
    """Whether no piece of a vocabulary has a capital letter."""
    return all(piece == small_letters(piece) for piece in pieces[4:])


def padded(sequences, width=None):
    """Lists of numbers as one int32 array `(examples, width)`, by default as wide as the longest, padded with 0 on the right.

    Example:
        >>> padded([[5], [6, 7]]).tolist()
        [[5, 0], [6, 7]]
    """
    array = np.full((len(sequences), width or max(map(len, sequences))), PADDING, "int32")
    for row, sequence in zip(array, sequences):
        row[: len(sequence)] = sequence
    return array


def pair_part(sources, targets, source_vocabulary, target_vocabulary):
    """Pairs of texts for `zoo.seq2seq`.

    Args:
        sources: Texts.
        targets: As many texts.
        source_vocabulary: A `Vocabulary`.
        target_vocabulary: A `Vocabulary`.

    Returns:
        A `Part`: `source` (examples, time), `target` (examples, time) shifted to the right with the start token in front,
        the unshifted labels as targets, aligned with `target`, and the target texts as references.
    """
    labels = padded([target_vocabulary.encode(text) for text in targets])
    shifted = np.pad(labels, ((0, 0), (1, 0)), constant_values=START)[:, :-1]
    shifted[labels == PADDING] = PADDING
    source = padded([source_vocabulary.encode(text) for text in sources])
    return Part({"source": source, "target": shifted}, labels, tuple(targets), aligned="target")


def vocabularies_of(contract):
    """The two vocabularies of a contract of pairs, or None where there is no contract."""
    return contract and [Vocabulary(contract[name].vocabulary) for name in ("source", "target")]


def pair_contract(source_vocabulary, target_vocabulary, max_length=200):
    """The contract of `source` and `target`: token numbers, at most `max_length` in a sequence."""
    return Contract(
        {
            name: Field("int32", (None,), 0, len(vocabulary) - 1, vocabulary.pieces, max_length)
            for name, vocabulary in (("source", source_vocabulary), ("target", target_vocabulary))
        }
    )
