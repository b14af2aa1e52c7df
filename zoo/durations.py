"""Times as people write them on the command line."""

import re

from zoo.errors import UsageError


def parse_duration(text, option):
    """A time such as 2ms, 90s, 20m, 2h or 1h30m in seconds.

    Args:
        text: The time.
        option: Name of the option, for the message.

    Raises:
        UsageError: If it is none, or zero.

    Example:
        >>> parse_duration("1h30m", "--budget")
        5400.0
    """
    number = r"(\d+(?:\.\d+)?)"
    match = re.fullmatch(rf"(?:{number}h)?(?:{number}m)?(?:{number}s)?(?:{number}ms)?", text.strip())
    seconds = sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1, 1e-3)) if part) if match else 0.0
    if not seconds:
        raise UsageError(f"got {option} {text}; expected a time above zero, such as 90s, 20m or 2h.")
    return seconds
