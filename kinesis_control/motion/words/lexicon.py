"""What every known word does in a sentence; the words themselves are in vocabulary.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from kinesis_control.motion.words import vocabulary as v

SLOW, FAST = 2.0 / 3.0, 1.25
"""Factors on the usual speed for "slowly" and "quickly"."""


class Tag(Enum):
    """Part that a token plays."""

    VERB = "verb"
    AUX = "auxiliary"  # "starts to", "is": carries a verb
    DO = "light verb"  # "takes", "makes": carries a noun
    SHAPE = "shape"
    DIRECTION = "direction"
    PACE = "pace"
    DEGREE = "degree"
    NUMBER = "number"
    UNIT = "unit"
    BOUNDARY = "boundary"
    NEGATION = "negation"
    REPEAT = "repeat"
    FILLER = "filler"
    SUBJECT = "subject"
    PREPOSITION = "preposition"
    MANNER = "manner"  # opens a phrase of how it looks: "with his arms out"
    STYLE = "style"  # one word of how it looks
    IMPOSSIBLE = "impossible"
    RADIUS = "radius"
    BODY = "body part"
    SPECIAL = "special"
    UNKNOWN = "unknown"


class Verb(Enum):
    """Families of verbs that are read alike."""

    WALK = "walk"
    RUN = "run"
    MOVE = "move"
    SIDE = "side step"
    STEP = "step"
    SHUFFLE = "shuffle"
    BACK = "back up"
    TURN = "turn"
    FACE = "face"
    SPIN = "spin"
    CURVE = "curve"
    STAND = "stand"
    STOP = "stop"
    KICK = "kick"
    RETURN = "return"
    FASTER = "speed up"
    SLOWER = "slow down"
    REPEAT = "repeat"


@dataclass(frozen=True)
class Meaning:
    """What the lexicon knows of one form of a word.

    Attributes:
        tag: part it plays.
        value: Verb, direction, factor or canonical word, by tag.
        form: of a verb: "base", "s", "ed" or "ing".
        pace: factor that a verb brings with it.
        style: what a verb asks for besides the movement, and is not done.
    """

    tag: Tag
    value: object = None
    form: str = ""
    pace: float = 1.0
    style: str = ""


_DOUBLED = frozenset(v.DOUBLED.split())


def _forms(lemma: str) -> dict[str, str]:
    """Inflected forms of a verb: name of the form -> word."""
    silent = lemma.endswith("e") and not lemma.endswith(("ee", "oe"))
    stem = lemma[:-1] if silent else lemma + lemma[-1] if lemma in _DOUBLED else lemma
    y = lemma.endswith("y") and lemma[-2] not in "aeiou"
    forms = {
        "base": lemma,
        "s": lemma[:-1] + "ies" if y else lemma + ("es" if lemma.endswith(("s", "sh", "ch", "x", "z")) else "s"),
        "ed": lemma[:-1] + "ied" if y else stem + "ed",
        "ing": stem + "ing",
    }
    return forms | dict(pair.split("=") for pair in v.IRREGULAR.get(lemma, "").split())


def _all(words: str | Iterable[str], tag: Tag, value: object = None) -> dict[str, Meaning]:
    """Words that all mean the same; without `value` each stands for itself."""
    return {w: Meaning(tag, w if value is None else value) for w in (words.split() if isinstance(words, str) else words)}


def _inflected(lemmas: str, tag: Tag) -> dict[str, Meaning]:
    return {word: Meaning(tag, lemma, form) for lemma in lemmas.split() for form, word in _forms(lemma).items()}


def _verbs() -> dict[str, Meaning]:
    words: dict[str, Meaning] = {}
    for family, row in v.VERBS.items():
        for entry in row.split():
            lemma, _, pace = entry.rstrip("*").partition(":")
            for form, word in _forms(lemma).items():
                words[word] = Meaning(Tag.VERB, Verb(family), form, float(pace or 1.0), word if entry.endswith("*") else "")
    for form, word in (("s", "slows"), ("ed", "slowed"), ("ing", "slowing")):
        words[word] = Meaning(Tag.VERB, Verb.SLOWER, form)
    return words


def _units() -> dict[str, Meaning]:
    words: dict[str, Meaning] = {}
    for names, value in v.UNITS.items():
        for name in names.split():
            words |= {w: Meaning(Tag.UNIT, value) for w in ((name, name + "s") if len(name) > 2 else (name,))}
    return words


def _modifiers() -> dict[str, Meaning]:
    words = _all(v.SLOW_WORDS, Tag.PACE, SLOW) | _all(v.FAST_WORDS, Tag.PACE, FAST) | _all("gradually", Tag.PACE, 1.0) | _all("slowmotion", Tag.PACE, 0.5)
    words |= _all(v.MORE, Tag.DEGREE, 1.0) | _all(v.MIDDLE, Tag.DEGREE, 0.0) | _all(v.LESS, Tag.DEGREE, -1.0)
    for value, names in v.SHAPES.items():
        words |= _all(names, Tag.SHAPE, value)
    for value, names in v.DIRECTIONS.items():
        words |= _all(names, Tag.DIRECTION, value)
    return words


def _build() -> dict[str, Meaning]:
    """Later tables win over earlier ones."""
    words = _all(v.FILLERS, Tag.FILLER) | _all(v.SUBJECTS, Tag.SUBJECT) | _inflected(v.IMPOSSIBLE, Tag.IMPOSSIBLE)
    words |= {w: Meaning(Tag.IMPOSSIBLE, w, "noun") for w in v.IMPOSSIBLE_NOUNS.split()}
    words |= _inflected(v.AUXILIARIES, Tag.AUX) | _inflected(v.LIGHT_VERBS, Tag.DO) | _all(v.AUXILIARY_FORMS, Tag.AUX, "be")
    words |= _units() | _verbs() | _modifiers()
    words |= _all(v.CONNECTORS, Tag.BOUNDARY) | _all("whilst when as", Tag.BOUNDARY, "while") | _all(v.NEGATIONS, Tag.NEGATION)
    words |= _all("once", Tag.REPEAT, 1.0) | _all("twice", Tag.REPEAT, 2.0) | _all("thrice", Tag.REPEAT, 3.0) | _all("times time x", Tag.REPEAT, 0.0)
    words |= _all(v.PREPOSITIONS, Tag.PREPOSITION) | _all(v.MANNERS, Tag.MANNER) | _all(v.STYLES, Tag.STYLE)
    return words | _all(v.BODY_PARTS, Tag.BODY) | _all(v.SPECIALS, Tag.SPECIAL) | _all("radius diameter", Tag.RADIUS)


LEXICON: dict[str, Meaning] = _build()
"""Every known form."""
