"""Whether a body or a recording gets a page, and at which port."""

import argparse
import socket
from collections.abc import Iterable
from pathlib import Path

from kinesis_cli.options import whole
from kinesis_control.errors import ConfigurationError, UnavailableError

FIRST_PORT, TRIED = 8080, 10
"""Without a wish the page takes the first free port of so many, so that several simulations run side by side."""

ANY_PORT = -1
"""`--web` without a port."""

LOOPBACK = "127.0.0.1"


def add_page(parser: argparse.ArgumentParser, default: str) -> None:
    """Add `--web [PORT]`, `--no-web` and `--web-host`; `default` says where a page is without them."""
    page = parser.add_mutually_exclusive_group()
    page.add_argument("--web", type=whole, nargs="?", const=ANY_PORT, metavar="PORT", help=f"port of the page (default: {default})")
    page.add_argument("--no-web", action="store_true", help="serve no page")
    parser.add_argument(
        "--web-host",
        default=LOOPBACK,
        metavar="ADDRESS",
        help="serve it to other machines too, for example 0.0.0.0; it then asks for a token, which is printed",
    )


def page_port(asked: int | None, *, wanted: bool, watched: bool) -> int | None:
    """Port of the page, or None for no page.

    Args:
        asked: port that was asked for, ANY_PORT for a free one, or None.
        wanted: False where somebody wants no page.
        watched: somebody may look: a run that ends by itself, or does not keep to the wall clock, gets a page only when asked.

    Raises:
        ConfigurationError: not a port.
        UnavailableError: the port that was asked for is in use.
    """
    if not wanted or (asked is None and not watched):
        return None
    if asked in (None, ANY_PORT):
        return next((port for port in range(FIRST_PORT, FIRST_PORT + TRIED) if _is_free(port)), None)
    if not 1 <= asked <= 65535:
        raise ConfigurationError(f"--web: got {asked}, expected a port from 1 to 65535")
    if not _is_free(asked):
        raise UnavailableError(f"port {asked} is in use: end what uses it, give another with --web PORT, or none with --no-web")
    return asked


def require_files(files: Iterable[Path]) -> None:
    """Find out before anything starts that a file is not there.

    Raises:
        UnavailableError: one is missing, or is a folder.
    """
    for file in files:
        if not file.is_file():
            raise UnavailableError(f"cannot read '{file}': {'it is a folder, expected a file' if file.is_dir() else 'there is no such file'}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just let go of is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
