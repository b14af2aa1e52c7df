"""The Penn Treebank as Mikolov et al. prepared it: a million words of the Wall Street Journal, 10 000 different ones."""

import dataclasses
import hashlib

from zoo.data.files import read_text
from zoo.data.language import language_data, windows
from zoo.data.prepared import data_folder, missing
from zoo.data.text import Vocabulary
from zoo.errors import UsageError
from zoo.types import Count

ORIGIN = "https://www.fit.vut.cz/person/imikolov/public/rnnlm/simple-examples.tgz"
INSTEAD = "data=tiny_shakespeare, or data=text:FILE level=words"
# sha256 of the text, so that another compression of the same text passes.
PTB = {
    "train": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "valid": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "test": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}
# Sentences of our own, in words of the vocabulary, stand beside trained weights: those of the newspaper are not ours to publish.
EXAMPLES = """
 the company said it will sell its new machines in europe next year
 a spokesman said the price of oil rose N cents a barrel
 the bank expects to report higher earnings in the third quarter
 people who work at home say they like it
 the president of the university did n't want to talk about money
 stock prices fell again in new york and in tokyo
 she said that her children read more books than newspapers
 the government wants to build a road to the north
"""


def load(steps: Count = 35, contract=None):
    """929 589 words to train, 73 760 to validate and 82 430 to test, line breaks among them.

    The text is in small letters, numbers are `N` and rare words `<unk>`: the vocabulary is that of the training part, 10 000 with
    the line break.

    Source: Marcus, Santorini & Marcinkiewicz 1993, "Building a Large Annotated Corpus of English: The Penn Treebank"; Mikolov et
    al. 2010, "Recurrent Neural Network Based Language Model".

    Args:
        steps: Number of words in a window.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.

    Returns:
        A `zoo.data.Data` with `tokens` (windows, steps) and the tokens that follow.

    Raises:
        UsageError: If `ZOO_DATA_DIR` is not set or holds no ptb/ptb.train.txt, ..., or other texts.

    Example:
        `zoo.datasets.ptb.load()` reads ptb/ptb.train.txt, or ptb/ptb.train.txt.gz, and so on in the folder of `ZOO_DATA_DIR`.
    """
    texts = {part: _text(name) for part, name in (("train", "train"), ("validation", "valid"), ("test", "test"))}
    licence = "derived from texts of the Linguistic Data Consortium: not to be republished"
    data = language_data(texts, steps, f"Penn Treebank, {ORIGIN}", licence, "words", contract=contract)
    numbers = Vocabulary(data.contract["tokens"].vocabulary).encode(EXAMPLES)[:-1]
    return dataclasses.replace(data, examples=windows(numbers * steps, steps))


def _text(name):
    given = data_folder()
    if given is None:
        raise missing(f"ptb/ptb.{name}.txt in the folder of ZOO_DATA_DIR", ORIGIN, INSTEAD)
    found = [file for file in (given / "ptb" / f"ptb.{name}.txt", given / "ptb" / f"ptb.{name}.txt.gz") if file.is_file()]
    if not found:
        raise missing(str(given / "ptb" / f"ptb.{name}.txt"), ORIGIN, INSTEAD)
    text = read_text(found[0], f"the Penn Treebank; fetch it from {ORIGIN} again")
    if hashlib.sha256(text.encode()).hexdigest() != PTB[name]:
        raise UsageError(
            f"{found[0]} is not the {name} part of the Penn Treebank (its sha256 differs); fetch it from {ORIGIN} again."
        )
    return text
