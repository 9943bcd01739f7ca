"""Conditions on figures, for a script that must stop: "success05<0.9"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_control.evaluate.figure import Figure

_FORM = re.compile(r"\s*([A-Za-z][\w.]*)\s*(<=|>=|<|>)\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*")
_HOLDS = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`name relation limit`, the failure if it holds. Attributes: name, whole or the end of a figure's name; relation; limit."""

    name: str
    relation: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read "success05<0.9".

        Raises:
            ConfigurationError: another form.
        """
        found = _FORM.fullmatch(text)
        if not found:
            raise ConfigurationError(f"condition: got '{text}', expected FIGURE<NUMBER (or <=, >, >=), for example 'success05<0.9'")
        return cls(name=found.group(1), relation=found.group(2), limit=float(found.group(3)))

    def __str__(self) -> str:
        return f"{self.name}{self.relation}{self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of a condition. Attributes: condition; figure it was tried on; failed, None where the figure is missing."""

    condition: Condition
    figure: Figure
    failed: bool | None

    def line(self) -> str:
        """One line of text."""
        if self.failed is None:
            return f"{self.condition}: cannot be told, {self.figure.name} is missing: {self.figure.missing}"
        return f"{self.condition}: {'FAILED' if self.failed else 'ok'}, {self.figure.name} = {self.figure.value:g} {self.figure.unit} (n = {self.figure.n})"


def judge(conditions: list[Condition], figures: Mapping[str, Figure]) -> list[Verdict]:
    """Try each condition.

    Raises:
        UnknownNameError: no figure, or several, have such a name.
    """
    verdicts = []
    for condition in conditions:
        figure = find_figure(condition.name, figures)
        failed = None if figure.value is None else bool(_HOLDS[condition.relation](figure.value, condition.limit))
        verdicts.append(Verdict(condition=condition, figure=figure, failed=failed))
    return verdicts


def find_figure(name: str, figures: Mapping[str, Figure]) -> Figure:
    """The figure of a name, given whole or by its last parts ("success05" for "imitation.success05").

    Raises:
        UnknownNameError: none or several.
    """
    if name in figures:
        return figures[name]
    ends = [full for full in figures if full.endswith(f".{name}")]
    if len(ends) != 1:
        raise UnknownNameError("figure" if not ends else "figure, of which several have this end,", name, ends or sorted(figures))
    return figures[ends[0]]
