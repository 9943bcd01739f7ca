"""`python -m kinesis_cli` is the `kinesis` command."""

import sys

from kinesis_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
