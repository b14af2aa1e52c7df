"""Tiny Shakespeare: 40 000 lines of his plays, 1 115 394 characters (Karpathy 2015)."""

import hashlib

from zoo.data.files import read_text
from zoo.data.language import language_data
from zoo.data.prepared import file_of
from zoo.errors import UsageError
from zoo.types import Count

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
INSTEAD = "data=stdlib, or data=text:FILE"
# The last tenth is what others report on, as validation part; here it is the test part. They train on all that is before it, and
# must: the play that it begins with begins there, and names that were never seen cost a tenth of a nat a character. So what
# validates lies further back, where one play ends and the next begins.
TEST, VALIDATION = 0.9, (0.75, 0.8)  # where it begins; where it begins and ends


def load(steps: Count = 64, contract=None):
    """The text as characters, of which it has 65.

    The last tenth, 111 540 characters, is the test part: others, who have two parts, report on it. The twentieth from 75 to 80 %
    of the text is kept for validation, and what is before it and after it is trained on.

    Args:
        steps: Number of characters in a window.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.

    Returns:
        A `zoo.data.Data` with `tokens` (windows, steps) and the tokens that follow.

    Raises:
        UsageError: If the file is missing and cannot be downloaded, or is another.

    Example:
        `zoo.datasets.tiny_shakespeare.load()` reads tinyshakespeare/input.txt in the folder of `ZOO_DATA_DIR`, or downloads it
        once.
    """
    text = _text()
    begin, end, test = (int(len(text) * share) for share in (*VALIDATION, TEST))
    texts = {"train": text[:begin] + text[end:test], "validation": text[begin:end], "test": text[test:]}
    return language_data(texts, steps, f"Tiny Shakespeare, {URL}", "public domain", contract=contract)


def _text():
    file = file_of("tinyshakespeare", "input.txt", URL, URL, INSTEAD)
    text = read_text(file)
    if hashlib.sha256(text.encode()).hexdigest() != SHA256:
        raise UsageError(f"{file} is not Tiny Shakespeare (its sha256 differs); fetch it from {URL} again, or use {INSTEAD}.")
    return text
