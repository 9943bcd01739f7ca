"""Options that several commands share."""

import argparse
import math
import re


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """`--namespace NS`: which of several graphs in one domain is meant."""
    parser.add_argument("--namespace", type=namespace, default="", metavar="NS", help="ROS namespace of the graph (default: the root)")


def namespace(text: str) -> str:
    """A ROS namespace, with or without its first slash; "" and "/" are the root."""
    if text not in ("", "/") and not re.fullmatch(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"got '{text}', expected words of letters, digits and _ with single slashes between them")
    return text.strip("/")


def finite(text: str) -> float:
    """A number that is neither NaN nor infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"got {text}, expected a finite number")
    return value


def positive(text: str) -> float:
    """A finite number above zero."""
    value = finite(text)
    if value <= 0.0:
        raise argparse.ArgumentTypeError(f"got {text}, expected a number above zero")
    return value


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    value = finite(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"got {text}, expected a number from 0 to 1")
    return value


def whole(text: str) -> int:
    """A whole number, not negative."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"got {text}, expected a whole number that is not negative")
    return value
