"""`python -m kinesis_cli.setup`, called by the `kinesis` script when the environment is missing or out of date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kinesis_cli.setup.checks import Machine
from kinesis_cli.setup.environment import Environment, set_up
from kinesis_cli.setup.errors import Failure, SetupError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kinesis_cli.setup")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--home", choices=("wheels", "sourced"), required=True)
    parser.add_argument("--stamp", required=True)
    arguments = parser.parse_args()
    environment = Environment(root=arguments.root, venv=arguments.venv, sourced=arguments.home == "sourced", stamp=arguments.stamp)
    try:
        set_up(environment, Machine())
    except SetupError as error:
        sys.stderr.write(f"kinesis: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("kinesis: set-up interrupted; the next ./kinesis repairs it\n")
        return Failure.INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
