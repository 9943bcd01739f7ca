"""Makes and repairs the environment that `./kinesis` runs in. Standard library only: it runs before anything is installed.

The environment is a virtual environment in the tree: `.venv` where ROS 2 comes as wheels, `.venv.DISTRO` where one is sourced.
It is made of two parts, each with a key that says what it was made from, so that only what has changed is made again:
the packages (lock files, Python, this code) and the messages (msgs/ on those packages). Its file `kinesis.env` is written last;
what has no such file was interrupted.
"""

from kinesis_cli.setup.errors import SetupError
from kinesis_cli.setup.extras import ensure_extra

__all__ = ["SetupError", "ensure_extra"]
