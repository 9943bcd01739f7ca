"""What a page may ask for: text from the browser in, a checked order out. Nothing of it is trusted."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kinesis_control.errors import ConfigurationError

MAX_TEXT = 400
"""Longest text that is taken [characters]."""

TRIGGERS = ("estop", "reset_estop", "arm", "disarm")
"""Services without a request."""

ANYBODY = ("estop", "control")
"""Orders that a page may give without holding control: stopping is everybody's right."""

MAX_SPEED, MAX_TURN, MAX_PLACE_M, MAX_PUSH_N, MAX_STEPS, MAX_FACTOR, MAX_SEEK_S = 5.0, 5.0, 1000.0, 2000.0, 1000, 10.0, 1e7


@dataclass(frozen=True, kw_only=True)
class Order:
    """One checked wish of a page.

    Attributes:
        kind: a key of READERS.
        text: words, name of a service or of a clip.
        numbers: velocity (forward, left [m/s], turning [rad/s]), goal (x, y [m], heading [rad] or NaN for none), force
            (forward, left, up [N]), a count, simulated per wall time, or a place in a recording [s].
        on: switch.
    """

    kind: str
    text: str = ""
    numbers: tuple[float, ...] = ()
    on: bool = False

    @property
    def name(self) -> str:
        """For rights: the service where it calls one, else the kind."""
        return self.text if self.kind == "trigger" else self.kind


def read_order(message: str | bytes) -> Order:
    """An order from what a page has sent.

    Raises:
        ConfigurationError: not JSON, not an order, or a value out of its range; the text says which.
    """
    try:
        data = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("got something that is not JSON") from error
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in READERS:
        raise ConfigurationError(f"got order {str(kind)[:40]!r}, expected one of {', '.join(READERS)}")
    return READERS[kind](kind, data)


def _number(data: dict[str, Any], name: str, most: float) -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= most:
        raise ConfigurationError(f"{name}: got {str(value)[:40]!r}, expected a number from {-most:g} to {most:g}")
    return float(value)


def _numbers(*limits: tuple[str, float]) -> Callable[[str, dict[str, Any]], Order]:
    return lambda kind, data: Order(kind=kind, numbers=tuple(_number(data, name, most) for name, most in limits))


def _text(kind: str, data: dict[str, Any]) -> Order:
    value = data.get("text")
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError("text: got nothing to say, expected words")
    plain = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    if not plain or len(plain) > MAX_TEXT:
        raise ConfigurationError(f"text: got {len(plain)} characters, expected 1 to {MAX_TEXT}")
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError("text: got half of a surrogate pair, expected Unicode") from error
    return Order(kind=kind, text=plain)


def _trigger(kind: str, data: dict[str, Any]) -> Order:
    if data.get("text") not in TRIGGERS:
        raise ConfigurationError(f"text: got {str(data.get('text'))[:40]!r}, expected one of {', '.join(TRIGGERS)}")
    return Order(kind=kind, text=data["text"])


def _switch(kind: str, data: dict[str, Any]) -> Order:
    if not isinstance(data.get("on"), bool):
        raise ConfigurationError(f"on: got {str(data.get('on'))[:40]!r}, expected true or false")
    return Order(kind=kind, on=data["on"])


def _goal(kind: str, data: dict[str, Any]) -> Order:
    heading = math.nan if data.get("yaw") is None else _number(data, "yaw", 2.0 * math.pi)
    return Order(kind=kind, numbers=(_number(data, "x", MAX_PLACE_M), _number(data, "y", MAX_PLACE_M), heading))


READERS: dict[str, Callable[[str, dict[str, Any]], Order]] = {
    "control": _switch,
    "say": _text,
    "play": _text,
    "velocity": _numbers(("x", MAX_SPEED), ("y", MAX_SPEED), ("yaw", MAX_TURN)),
    "goal": _goal,
    "trigger": _trigger,
    "pause": _switch,
    "step": _numbers(("ticks", MAX_STEPS)),
    "reset": _numbers(),
    "push": _numbers(("x", MAX_PUSH_N), ("y", MAX_PUSH_N)),
    "record": _switch,
    "evaluate": _numbers(),
    "film": _numbers(),
    "time": _numbers(("factor", MAX_FACTOR)),
    "seek": _numbers(("to", MAX_SEEK_S)),
}
"""Kind of an order -> what reads it."""
