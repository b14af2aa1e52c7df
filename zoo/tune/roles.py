"""What a `zoo tune` command is among many machines, read from the environment as KerasTuner's own chief and workers read it."""

from zoo.errors import UsageError

CHIEF, WORKER = "chief", "worker"
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


def role(environment):
    """`CHIEF`, `WORKER`, or None where a search is of this machine alone.

    Raises:
        UsageError: If some of the variables are set and some are not, or the port is not a port.

    Example:
        >>> role({"KERASTUNER_TUNER_ID": "worker-3", "KERASTUNER_ORACLE_IP": "10.0.0.1", "KERASTUNER_ORACLE_PORT": "8000"})
        'worker'
    """
    given = [name for name in VARIABLES if environment.get(name)]
    if not given:
        return None
    if len(given) < len(VARIABLES):
        missing = [name for name in VARIABLES if name not in given]
        raise UsageError(f"{', '.join(given)} is set, and {', '.join(missing)} is not; set all three, or none.")
    port = environment["KERASTUNER_ORACLE_PORT"]
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise UsageError(f"KERASTUNER_ORACLE_PORT is {port!r}; expected a port from 1 to 65535.")
    return CHIEF if "chief" in environment["KERASTUNER_TUNER_ID"] else WORKER


def address_of(environment):
    """Where the chief listens: what the environment says, or any free port of this machine alone."""
    if role(environment) is None:
        return "127.0.0.1:0"
    return f"{environment['KERASTUNER_ORACLE_IP']}:{environment['KERASTUNER_ORACLE_PORT']}"
