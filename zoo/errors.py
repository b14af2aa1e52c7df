"""The two ways in which a command can fail; `zoo.cli` turns them into one line and an exit code."""


class UsageError(Exception):
    """Invalid input: exit code 2. The message says what was given, what is expected and what to do."""


class RunError(Exception):
    """A run or a check failed on its way: exit code 1. The message says what happened and what is left."""


class DataMissing(UsageError):
    """The data that a network was trained on cannot be read on this machine."""
