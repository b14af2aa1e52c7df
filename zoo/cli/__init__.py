"""The command line, `zoo`: one file per command.

Commands import what they need themselves, so that `zoo list` answers at once.
"""

from zoo.cli.app import main as main
