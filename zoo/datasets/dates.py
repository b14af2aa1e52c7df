"""Dates as people write them, in many spellings and languages, and the same dates in ISO form; generated with babel."""

import datetime

import babel.dates
import numpy as np

from zoo.data.contract import Data
from zoo.data.text import Vocabulary, pair_contract, pair_part, vocabularies_of

# Every spelling names its date without doubt: numbers alone are written day.month.year, month/day/year or year-month-day, and
# no two of the languages call different months by one name (as Polish and Croatian do with "listopad").
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_PT", "sv_SE", "da_DK", "pl_PL", "fi_FI")
PATTERNS = (
    "full",
    "long",
    "d MMMM y",
    "d MMM y",
    "dd MMMM y",
    "MMMM d, y",
    "MMM d, y",
    "EEEE, d MMMM y",
    "EEEE, MMMM d, y",
    "EEE d MMM y",
    "d. MMMM y",
    "y MMMM d",
    "d-MMM-y",
    "dd.MM.y",
    "d.M.y",
    "MM/dd/y",
    "M/d/y",
    "y-MM-dd",
    "y/MM/dd",
)
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)


def load(examples=44000, seed=0, contract=None):
    """Pairs such as ("Samstag, 21. November 2026", "2026-11-21"): 2 000 to validate, 2 000 to test, the others to train.

    No source text is in two parts. A third is written in lower case and a sixth in capitals.

    Args:
        examples: Number of pairs.
        seed: Seed of the generation.
        contract: A `Contract` whose vocabularies are used; None makes those of the training part.

    Returns:
        A `zoo.data.Data` with `source` and `target`, int32 numbers of characters; targets are the unshifted labels.

    Raises:
        ValueError: If there are not more than 4 000 examples.

    Example:
        >>> load(examples=4100).test.references[0][4::3]
        '--'
    """
    if examples <= 4000:
        raise ValueError(f"`examples` must be more than 4000, got {examples}.")
    generator = np.random.default_rng(seed)
    days = (LAST - FIRST).days + 1
    pairs = {}
    while len(pairs) < examples:
        date = FIRST + datetime.timedelta(days=int(generator.integers(days)))
        locale = LOCALES[generator.integers(len(LOCALES))]
        pattern = PATTERNS[generator.integers(len(PATTERNS))]
        text = babel.dates.format_date(date, pattern, locale)
        case = generator.integers(6)
        text = text.lower() if case < 2 else text.upper() if case == 2 else text
        pairs[text] = date.isoformat()
    sources, targets = list(pairs), list(pairs.values())
    vocabularies = vocabularies_of(contract) or [Vocabulary.of_characters(texts[4000:]) for texts in (sources, targets)]

    def part(start, stop):
        return pair_part(sources[start:stop], targets[start:stop], *vocabularies)

    return Data(
        train=part(4000, None),
        validation=part(0, 2000),
        test=part(2000, 4000),
        contract=pair_contract(*vocabularies),
        source=f"generated with babel {babel.__version__}, {len(LOCALES)} locales, {len(PATTERNS)} patterns, seed {seed}",
        licence="generated; locale data: Unicode License v3",
        packages=("babel",),
    )
