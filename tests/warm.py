"""Run by conftest.py: imports TensorFlow once, and forks a process for each run of `zoo.engines` that is asked for.

Lines of standard input are JSON: the arguments, and the file for what the run says. Each is answered with its exit code.
"""

import json
import os
import sys

import tensorflow  # noqa: F401  its import starts nothing that a fork would lose

from zoo import engines


def main():
    for line in sys.stdin:
        process = os.fork()
        if not process:
            sys.argv[1:], said = json.loads(line)
            for output in (1, 2):
                os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), output)
            return engines.main()
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
