"""Tiny Shakespeare: 40 000 lines of his plays, 1 115 394 characters (Karpathy 2015)."""

import hashlib

from zoo.data.language import language_data
from zoo.data.prepared import file_of
from zoo.errors import UsageError
from zoo.types import Count

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
INSTEAD = "data=stdlib, or data=text:FILE"
# The last tenth is what others report on, as validation part; here it is the test part, and the twentieth before it validates.
TEST, VALIDATION = 0.1, 0.05


def load(steps: Count = 64, contract=None):
    """The text as characters, of which it has 65.

    The last tenth, 111 540 characters, is the test part: others, who have two parts, report on it. The twentieth before it is
    kept for validation.

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
    test, validation = (int(len(text) * (1 - share)) for share in (TEST, TEST + VALIDATION))
    texts = {"train": text[:validation], "validation": text[validation:test], "test": text[test:]}
    return language_data(texts, steps, f"Tiny Shakespeare, {URL}", "public domain", contract=contract)


def _text():
    file = file_of("tinyshakespeare", "input.txt", URL, URL, INSTEAD)
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise UsageError(f"{file} is not Tiny Shakespeare (its sha256 differs); fetch it from {URL} again, or use {INSTEAD}.")
    return content.decode()
