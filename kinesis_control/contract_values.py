"""Checks of single contract values: each returns the value in its plain type, or raises saying what was got and expected."""

import json
import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from kinesis_control.errors import ContractError


def text(what: str, value: object) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ContractError(f"{what}: got {value!r}, expected a text that is not empty")
    return value


def whole(what: str, value: object) -> int:
    """An integer of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ContractError(f"{what}: got {value!r}, expected a whole number of at least 1")
    return value


def number(what: str, value: object) -> float:
    """A finite number, as a Python float."""
    # numpy scalars are no `float` except float64, but all of them convert without loss.
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise ContractError(f"{what}: got {value!r}, expected a finite number")
    result = float(value)
    if not math.isfinite(result):
        raise ContractError(f"{what}: got {value!r}, expected a finite number")
    return result


def positive(what: str, value: object) -> float:
    """A finite number above zero."""
    result = number(what, value)
    if result <= 0.0:
        raise ContractError(f"{what}: got {value!r}, expected a number above 0")
    return result


def items(what: str, value: object) -> tuple[Any, ...]:
    """A list of values: anything that can be gone through, except text and mappings."""
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, Iterable):
        raise ContractError(f"{what}: got {type(value).__name__}, expected a list")
    return tuple(value)


def numbers(what: str, value: object) -> tuple[float, ...]:
    """A list of finite numbers."""
    return tuple(number(f"{what}[{i}]", v) for i, v in enumerate(items(what, value)))


def names(what: str, value: object, *, at_least: int = 0) -> tuple[str, ...]:
    """A list of different texts."""
    result = tuple(text(f"{what}[{i}]", v) for i, v in enumerate(items(what, value)))
    twice = sorted({n for n in result if result.count(n) > 1})
    if twice or len(result) < at_least:
        raise ContractError(f"{what}: got {len(result)} names, repeated: {twice}, expected at least {at_least} different ones")
    return result


def plain_json(what: str, value: object) -> dict[str, Any]:
    """A mapping as JSON gives it back (tuples become lists), so that writing and reading change nothing."""
    if not isinstance(value, dict):
        raise ContractError(f"{what}: got {type(value).__name__}, expected a mapping")
    try:
        result = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ContractError(f"{what}: got something that JSON cannot hold: {error}") from error
    return dict(result)


def keys_of(cls: type, data: object, what: str) -> dict[str, Any]:
    """Keyword arguments for the dataclass `cls` from a JSON object: every key present, none unknown."""
    if not isinstance(data, dict):
        raise ContractError(f"{what}: got {type(data).__name__}, expected an object")
    known = [f.name for f in fields(cls)]
    missing = [name for name in known if name not in data]
    unknown = sorted(set(data) - set(known))
    if missing or unknown:
        raise ContractError(f"{what}: missing keys: {missing}; unknown keys: {unknown}; known: {', '.join(known)}")
    return dict(data)


def refuse_constant(constant: str) -> float:
    """For `json.loads(parse_constant=...)`: NaN and infinities are no part of a contract."""
    raise ValueError(f"{constant} is not a finite number")


def names_difference(expected: tuple[str, ...], got: tuple[str, ...]) -> str:
    """One readable line on how two ordered lists of names differ."""
    missing = [n for n in expected if n not in got]
    extra = [n for i, n in enumerate(got) if n not in expected or n in got[:i]]
    if missing or extra:
        return f"expected {len(expected)}, got {len(got)}; missing: {missing}; unexpected: {extra}"
    first = next(i for i, (a, b) in enumerate(zip(expected, got, strict=True)) if a != b)
    return f"same {len(expected)} names in another order; first at index {first}: expected '{expected[first]}', got '{got[first]}'"
