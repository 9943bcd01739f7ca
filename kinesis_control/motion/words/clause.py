"""One movement with everything that is said about it, before it is decided what it means."""

from dataclasses import dataclass, field

from kinesis_control.motion.words.lexicon import Verb


@dataclass(kw_only=True)
class Amount:
    """A number with its unit; `vague` is the word of a count that names no number."""

    value: float | None
    unit: str
    vague: str = ""


@dataclass(kw_only=True)
class Clause:
    """What is said about one movement.

    Attributes:
        connector: word before it; "" at the beginning, "join" for a second verb without any.
        said: its words.
        kind: family of its verb, None where it has none.
        form: of the verb.
        directions: in the order in which they are said.
        clock: a side was said as clockwise or the contrary.
        bare: a number without a unit.
        speed: [m/s].
        pace: factor; `comparative` where it is against the present one.
        slight: degree below usual, "slightly left".
        shape: of the path.
        times: how often; 0 unless said.
        extra: canonical words of Tag.SPECIAL.
        styles: how it should look, which is not done.
        place: words of a place, which is not known.
        impossible: words of movements that are not known.
        unknown: words that are not known.
    """

    connector: str = ""
    said: list[str] = field(default_factory=list)
    kind: Verb | None = None
    form: str = ""
    directions: list[str] = field(default_factory=list)
    clock: bool = False
    amounts: list[Amount] = field(default_factory=list)
    bare: float | None = None
    speed: float | None = None
    pace: float = 1.0
    comparative: bool = False
    degree: float = 0.0
    slight: bool = False
    shape: str = ""
    count: float | None = None
    radius_word: str = ""
    negated: bool = False
    auxiliary: str = ""
    does: bool = False
    times: float = 0.0
    extra: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    steps: bool = False
    ending: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was said that matters."""
        parts = (self.directions, self.amounts, self.extra, self.styles, self.place, self.impossible, self.unknown, self.body)
        return not (self.kind or self.shape or self.does or self.auxiliary or self.negated or self.times or self.steps or self.bare is not None) and not any(
            (*parts, self.pace != 1.0, self.comparative, self.speed is not None, self.slight)
        )
