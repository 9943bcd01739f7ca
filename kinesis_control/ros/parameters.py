"""Declaring parameters with a description and a range, and reading them."""

from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, ParameterType
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from kinesis_control.errors import ConfigurationError, UnknownNameError


def declare(node: Node, name: str, default: Any, description: str, *, low: float | None = None, high: float | None = None, changeable: bool = False) -> Any:
    """Declare a parameter, with a closed range where `low` and `high` are given, and return its value; read-only unless `changeable`.

    Raises:
        ConfigurationError: the value that was set from outside has another type, or is out of range.
    """
    descriptor = ParameterDescriptor(description=description, read_only=not changeable)
    if low is not None and high is not None:
        if isinstance(default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    given = node._parameter_overrides.get(name)  # rclpy offers no other look at what was set before the declaration
    if given is not None and isinstance(default, float) and isinstance(given.value, int):
        node._parameter_overrides[name] = type(given)(name, value=float(given.value))
    try:
        return node.declare_parameter(name, default, descriptor).value
    except ParameterException as error:
        limits = f" from {low} to {high}" if low is not None else ""
        raise ConfigurationError(f"parameter '{name}': {error}; expected a {type(default).__name__}{limits}: {description}") from error


def declare_choice(node: Node, name: str, default: str, description: str, choices: Sequence[str]) -> str:
    """Declare a read-only parameter that is one of `choices`, and return its value.

    Raises:
        UnknownNameError: it is something else.
    """
    value = str(declare(node, name, default, f"{description} One of: {', '.join(choices)}."))
    if value not in choices:
        raise UnknownNameError(name, value, choices)
    return value


def declare_strings(node: Node, name: str, description: str) -> list[str]:
    """Declare a read-only list of strings, empty by default, and return those that are not blank."""
    descriptor = ParameterDescriptor(description=description, read_only=True, type=ParameterType.PARAMETER_STRING_ARRAY)
    values = node.declare_parameter(name, [""], descriptor).value
    return [text for text in values if text.strip()]
