"""The source code of the running Python's standard library: text that is at hand without any download."""

import pathlib
import platform
import sysconfig

from zoo.data.language import language_data
from zoo.errors import UsageError
from zoo.types import Count

# Modules of plain text about as large as Tiny Shakespeare together, by name.
LARGEST = 1_200_000  # characters
PRINTABLE = set(map(chr, range(32, 127))) | {"\n"}


def load(steps: Count = 64, contract=None):
    """Modules of the standard library, by name, up to 1.2 million characters: every tenth for test, and every tenth to validate.

    "Which open source project?", asks the lecture of text that a network wrote: this one is at hand in every Python. The text is
    that of the Python that runs, and another version has another. Modules with other characters than ASCII's are left out, and
    tabs are written as four spaces.

    Args:
        steps: Number of characters in a window.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.

    Returns:
        A `zoo.data.Data` with `tokens` (windows, steps) and the tokens that follow.

    Raises:
        UsageError: If this Python comes without the sources of its library.

    Example:
        >>> "def " in "".join(load().contract["tokens"].vocabulary[4:]) or len(load().contract["tokens"].vocabulary) > 90
        True
    """
    folder = pathlib.Path(sysconfig.get_paths()["stdlib"])
    modules, size = [], 0
    for file in sorted(folder.glob("*.py")):
        text = file.read_text(encoding="utf-8", errors="replace").replace("\t", "    ")
        if set(text) <= PRINTABLE and size + len(text) <= LARGEST:
            modules.append(text)
            size += len(text)
    if len(modules) < 30:
        raise UsageError(
            f"{folder} holds {len(modules)} modules of Python's own library; use data=text:FOLDER with other sources."
        )
    parts = {
        "train": [module for number, module in enumerate(modules, start=1) if number % 10 not in (0, 5)],
        "validation": modules[4::10],
        "test": modules[9::10],
    }
    texts = {part: "".join(some) for part, some in parts.items()}
    source = f"{len(modules)} modules of the standard library of Python {platform.python_version()}"
    return language_data(texts, steps, source, "PSF licence", contract=contract, packages=("python",))
