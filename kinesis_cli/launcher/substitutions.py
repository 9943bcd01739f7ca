"""The text language of launch files: `$(name argument ...)` with quotes and backslash escapes, parsed and performed."""

import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kinesis_cli.launcher.packages import prefix_directory, share_directory
from kinesis_control.errors import ConfigurationError


class SubstitutionError(ConfigurationError):
    """A substitution that cannot be parsed or performed."""


@dataclass(frozen=True, kw_only=True)
class Substitution:
    """`$(name arguments...)`; each argument is a template of its own."""

    name: str
    arguments: tuple["Template", ...]


Template = tuple["str | Substitution", ...]


@dataclass(kw_only=True)
class Context:
    """What substitutions can see.

    Attributes:
        configurations: values of arguments and `let`s; `ros_namespace` holds the pushed namespace, as in launch_ros.
        environment: environment of the processes to start.
        file: the launch file that is being read.
    """

    configurations: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    file: Path = Path()

    def perform(self, text: str) -> str:
        """Replace every substitution in `text`.

        Raises:
            SubstitutionError: bad syntax, an unknown substitution, or a name that has no value.
        """
        return perform(parse(text), self)


_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def parse(text: str) -> Template:
    """Split text into plain parts (escapes removed) and substitutions."""
    template, end = _parse_fragments(text, 0, "")
    assert end == len(text)
    return template


def perform(template: Template, context: Context) -> str:
    """The text a template stands for."""
    return "".join(part if isinstance(part, str) else _perform_one(part, context) for part in template)


def _parse_fragments(text: str, position: int, quote: str) -> tuple[Template, int]:
    """Read up to the closing `quote`, or to the end where `quote` is empty."""
    parts: list[str | Substitution] = []
    while position < len(text) and (not quote or text[position] != quote):
        if text.startswith("$(", position):
            part, position = _parse_substitution(text, position)
            parts.append(part)
        else:
            position = _take_character(text, position, parts)
    if quote and position == len(text):
        raise SubstitutionError(f"quote {quote} is never closed in '{text}'")
    return tuple(parts), position


def _parse_substitution(text: str, start: int) -> tuple[Substitution, int]:
    match = _IDENTIFIER.match(text, start + 2)
    if match is None:
        raise SubstitutionError(f"expected a substitution name after '$(' in '{text}'")
    arguments: list[Template] = []
    position = match.end()
    while position < len(text) and text[position] == " ":
        argument, position = _parse_argument(text, position + 1)
        arguments.append(argument)
    if position >= len(text) or text[position] != ")":
        raise SubstitutionError(f"'{text[start:]}' is not closed by ')', or has characters that need quotes")
    return Substitution(name=match.group(), arguments=tuple(arguments)), position + 1


def _parse_argument(text: str, position: int) -> tuple[Template, int]:
    if text[position : position + 1] in ("'", '"'):
        template, end = _parse_fragments(text, position + 1, text[position])
        return template, end + 1
    parts: list[str | Substitution] = []
    while position < len(text) and text[position] not in " '\"()":
        if text.startswith("$(", position):
            part, position = _parse_substitution(text, position)
            parts.append(part)
        else:
            position = _take_character(text, position, parts)
    if not parts:
        raise SubstitutionError(f"empty argument in '{text}': arguments are separated by one space")
    return tuple(parts), position


def _take_character(text: str, position: int, parts: "list[str | Substitution]") -> int:
    """Append one plain character, escaped or not; returns the position after it."""
    if text[position] == "\\" and position + 1 < len(text):
        position += 1
    if parts and isinstance(parts[-1], str):
        parts[-1] += text[position]
    else:
        parts.append(text[position])
    return position + 1


def _perform_one(substitution: Substitution, context: Context) -> str:
    name, arguments = substitution.name, [perform(a, context) for a in substitution.arguments]
    if name == "eval":
        raise SubstitutionError("substitution 'eval' runs Python from a file and is refused; use " + ", ".join(_FUNCTIONS))
    if name not in _FUNCTIONS:
        raise SubstitutionError(f"unknown substitution '{name}'; known: {', '.join(_FUNCTIONS)}")
    fewest, most, function = _FUNCTIONS[name]
    if not fewest <= len(arguments) <= most:
        raise SubstitutionError(f"substitution '{name}' takes {fewest} to {most} arguments, got {len(arguments)}")
    return function(context, arguments)


def truth(text: str) -> bool:
    """What `if`, `unless` and the logical substitutions call true and false."""
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.strip().lower() not in known:
        raise SubstitutionError(f"'{text}' is not a condition; expected true, 1, false or 0")
    return known[text.strip().lower()]


def _var(context: Context, arguments: list[str]) -> str:
    if arguments[0] in context.configurations:
        return context.configurations[arguments[0]]
    if len(arguments) == 2:
        return arguments[1]
    known = sorted(k for k in context.configurations if k != "ros_namespace")
    raise SubstitutionError(f"unknown variable '{arguments[0]}'; known here: {', '.join(known) or 'none'}")


def _env(context: Context, arguments: list[str]) -> str:
    value = context.environment.get(*arguments) if len(arguments) == 2 else context.environment.get(arguments[0])
    if value is None:
        raise SubstitutionError(f"environment variable '{arguments[0]}' is not set and $(env {arguments[0]}) gives no default")
    return value


def _find_exec(context: Context, arguments: list[str]) -> str:
    found = shutil.which(arguments[0], path=context.environment.get("PATH"))
    if found is None:
        raise SubstitutionError(f"executable '{arguments[0]}' is not on the PATH")
    return found


def _equal(arguments: list[str]) -> bool:
    # ros2 launch reads an empty quoted argument here as the text "[]", so that such a file would act differently there.
    if "" in arguments:
        raise SubstitutionError("equals and not-equals need two non-empty arguments; compare 'x$(var name)' with 'x'")
    left, right = arguments
    if all(a.lower() in ("true", "false", "1", "0") for a in arguments):
        return truth(left) == truth(right)
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return left == right


def _text(value: bool) -> str:
    return "true" if value else "false"


_FUNCTIONS: dict[str, tuple[int, int, Callable[[Context, list[str]], str]]] = {
    "and": (2, 2, lambda _, a: _text(truth(a[0]) and truth(a[1]))),
    "dirname": (0, 0, lambda c, _: str(c.file.parent)),
    "env": (1, 2, _env),
    "equals": (2, 2, lambda _, a: _text(_equal(a))),
    "filename": (0, 0, lambda c, _: str(c.file)),
    "find-exec": (1, 1, _find_exec),
    "find-pkg-prefix": (1, 1, lambda _, a: str(prefix_directory(a[0]))),
    "find-pkg-share": (1, 1, lambda _, a: str(share_directory(a[0]))),
    "if": (2, 3, lambda _, a: a[1] if truth(a[0]) else "".join(a[2:])),
    "not": (1, 1, lambda _, a: _text(not truth(a[0]))),
    "not-equals": (2, 2, lambda _, a: _text(not _equal(a))),
    "or": (2, 2, lambda _, a: _text(truth(a[0]) or truth(a[1]))),
    "var": (1, 2, _var),
}
