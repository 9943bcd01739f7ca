"""Text -> tokens: one spelling, phrases joined, numbers read, every word looked up; nothing is left out."""

import re
import unicodedata
from dataclasses import dataclass, replace

from kinesis_control.motion.words.lexicon import LEXICON, Meaning, Tag, Verb
from kinesis_control.motion.words.numbers import DETERMINERS, read_number
from kinesis_control.motion.words.phrases import PHRASES
from kinesis_control.motion.words.spelling import correct

MAX_TEXT = 2000
"""Longest text that is read [characters]."""

_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+"
_PIECE = re.compile(
    rf"(?P<velocity>(?:m|km|ft|metres?|meters?)\s?/\s?(?:s|sec|second|h|hr|hour)\b)|(?P<ratio>\d+\s?/\s?\d+)|(?P<minus>(?<![\w.])[-\u2212]\s?(?=\.?\d))|(?P<number>{_NUMBER})"
    r"|(?P<word>[a-z]+(?:'[a-z]+)*'?)|(?P<degree>°)|(?P<stop>[.;!?:\n])|(?P<comma>[,()\"&])|(?P<blank>[\s'/+\u2010-\u2015\u2026*_-])|(?P<other>.)",
    re.DOTALL,
)
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00b4": "'", "`": "'", "\u2044": "/", "\u00ba": "°"})
_VELOCITIES = {"m": "mps", "k": "kmh", "f": "fps"}
_LONGEST = max(len(phrase.split()) for phrase in PHRASES)


class UnreadableError(ValueError):
    """A text that cannot be read at all; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One word or sign.

    Attributes:
        text: as it stands in the text, lower case.
        meaning: from the lexicon.
        number: value of a NUMBER.
        vague: the word of a count without a number, "few".
        read_as: for a misspelt word the word that it was read as.
    """

    text: str
    meaning: Meaning
    number: float = 0.0
    vague: str = ""
    read_as: str = ""

    @property
    def tag(self) -> Tag:
        """Part that it plays."""
        return self.meaning.tag


def tokens(text: str) -> list[Token]:
    """Read a text.

    Raises:
        UnreadableError: it is too long, empty, or holds signs that are not read.
    """
    if len(text) > MAX_TEXT:
        raise UnreadableError(f"a text of {len(text)} characters is too long; at most {MAX_TEXT} are read")
    words = _pieces(unicodedata.normalize("NFKC", text.lower().translate(_QUOTES)).translate(_QUOTES).lower())
    if not any(word[0].isalnum() for word in words):
        raise UnreadableError("it holds no word")
    return _looked_up(_joined(words))


def _pieces(plain: str) -> list[str]:
    words: list[str] = []
    for match in _PIECE.finditer(plain):
        kind, piece = match.lastgroup, match.group()
        if kind == "other":
            name = f"'{piece}'" if piece.isprintable() else f"with the code U+{ord(piece):04X}"
            raise UnreadableError(f"the character {name} is not read; letters, digits and ordinary punctuation are")
        if kind == "velocity":
            words.append(_VELOCITIES[piece[0]])
        elif kind == "word":
            words += [part for part in _contraction(piece.rstrip("'")) if part]
        elif kind == "minus":
            words.append("minus")
        elif kind == "degree":
            words.append("degrees")
        elif kind == "stop":
            words.append(".")
        elif kind == "comma":
            words += [","] if piece != "&" else ["and"]
        elif kind in ("number", "ratio"):
            _add_number(words, piece.replace(" ", ""), plain[match.start() - 1 : match.start()])
    return words


def _add_number(words: list[str], piece: str, before: str) -> None:
    """Append a number; "1,000" comes in two pieces."""
    if before == "," and len(words) > 1 and words[-1] == "," and words[-2].isdigit() and len(piece) == 3 and piece.isdigit():
        words.pop()
        words[-1] += piece
    elif before == "," and len(words) > 1 and words[-1] == "," and words[-2].isdigit():
        raise UnreadableError(f"'{words[-2]},{piece}' is not read as a number; write {words[-2]}.{piece}")
    else:
        words.append(f"0{piece}" if piece.startswith(".") else piece)


def _contraction(word: str) -> list[str]:
    """ "don't" -> "do", "not"; "he's" -> "he"."""
    if word.endswith("n't"):
        return [{"ca": "can", "wo": "will", "sha": "shall"}.get(word[:-3], word[:-3]), "not"]
    if word in ("dont", "doesnt", "didnt", "cant", "wont", "isnt", "shouldnt"):
        return ["do", "not"]
    return [word.partition("'")[0]] if word.partition("'")[0] else ["a"]


def _joined(words: list[str]) -> list[str]:
    """Replace phrases by their one word, the longest first."""
    joined: list[str] = []
    i = 0
    while i < len(words):
        for length in range(min(_LONGEST, len(words) - i), 0, -1):
            phrase = PHRASES.get(" ".join(words[i : i + length]))
            if phrase is not None:
                joined += phrase.split()
                i += length
                break
        else:
            joined.append(words[i])
            i += 1
    return _halves(joined)


def _halves(words: list[str]) -> list[str]:
    """ "a minute and a half" -> "1 and a half minute"."""
    for i in range(1, len(words) - 3):
        if words[i + 1 : i + 4] == ["and", "a", "half"] and words[i] in LEXICON and LEXICON[words[i]].tag is Tag.UNIT:
            before = "1" if words[i - 1] in ("a", "one") else words[i - 1]
            words[i - 1 : i + 4] = [before, "and", "a", "half", words[i]]
    return words


def _looked_up(words: list[str]) -> list[Token]:
    found: list[Token] = []
    i = 0
    while i < len(words):
        number = None if words[i] in ("a", "the", "one") and words[i + 1 : i + 2] in (["third"], ["second"]) else read_number(words, i)
        if number is not None:
            value, vague, end = number
            found.append(Token(text=" ".join(words[i:end]), meaning=Meaning(Tag.NUMBER), number=value, vague=vague))
            i = end
            continue
        found.append(_token(words[i]))
        i += 1
    return _nouns(found)


def _token(word: str) -> Token:
    meaning = LEXICON.get(word)
    if meaning is not None:
        return Token(text=word, meaning=meaning)
    if word.endswith("ly") and len(word) > 4:
        near = correct(word)
        return Token(text=word, meaning=LEXICON[near], read_as=near) if near and near.endswith("ly") else Token(text=word, meaning=Meaning(Tag.STYLE, word))
    near = correct(word)
    if near:
        return Token(text=word, meaning=LEXICON[near], read_as=near)
    return Token(text=word, meaning=Meaning(Tag.UNKNOWN))


def _nouns(found: list[Token]) -> list[Token]:
    """Words that are a verb or a noun, told apart by what stands before them."""
    for i, token in enumerate(found):
        before = found[i - 1] if i else None
        if token.text in ("step", "steps", "pace", "paces", "stride", "strides") and before is not None:
            found[i] = _step_or_pace(found, i)
        elif token.text in ("foot", "feet") and before is not None and before.tag is Tag.NUMBER:
            found[i] = replace(token, meaning=Meaning(Tag.UNIT, (0.3048, "m")))
        elif token.text in ("inch", "inches") and not (before is not None and (before.tag is Tag.NUMBER or before.text in DETERMINERS)):
            found[i] = replace(token, meaning=Meaning(Tag.VERB, Verb.WALK, "s" if token.text == "inches" else "base", 0.5))
        elif token.text in ("second", "m", "s") and not (before is not None and (before.tag is Tag.NUMBER or before.text in DETERMINERS)):
            found[i] = replace(token, meaning=Meaning(Tag.UNKNOWN if token.text != "second" else Tag.FILLER))
    return found


_STEP = Meaning(Tag.UNIT, (1.0, "steps"))


def _step_or_pace(found: list[Token], i: int) -> Token:
    """ "two steps", "a small step", "long strides" are nouns; "steps forward", "paces back and forth" verbs."""
    token = found[i]
    j = i - 1
    while j > 0 and (found[j].tag in (Tag.PACE, Tag.UNKNOWN, Tag.STYLE, Tag.DEGREE, Tag.DIRECTION) or found[j].text in _ADJECTIVES):
        j -= 1
    before = found[j]
    if before.tag is Tag.NUMBER or before.tag is Tag.DO or (before.text in DETERMINERS and not token.text.startswith("pace")):
        return replace(token, meaning=_STEP)
    if j < i - 1 and before.tag in (Tag.MANNER, Tag.FILLER, Tag.PREPOSITION) and not _is_subject_led(found, i):
        return replace(token, meaning=_STEP if token.text.startswith("step") else Meaning(Tag.FILLER))
    describing = found[i - 1].tag is Tag.VERB and found[i - 1].meaning.form == "ing" and i > 1 and found[i - 2].tag is not Tag.SUBJECT
    if token.text == "pace" and (before.tag in (Tag.FILLER, Tag.MANNER) or describing):
        return replace(token, meaning=Meaning(Tag.FILLER))
    return token


def _is_subject_led(found: list[Token], i: int) -> bool:
    """Whether a subject stands in the same clause before, so that a verb is still to come: "the man slowly steps"."""
    for token in reversed(found[:i]):
        if token.tag is Tag.BOUNDARY or (token.tag is Tag.VERB and isinstance(token.meaning.value, Verb)):
            return token.tag is Tag.BOUNDARY
        if token.tag is Tag.SUBJECT:
            return True
    return True


_SIZES = (
    "small large big little short long wide huge tiny giant single more extra other another careful gentle normal full regular steady even "
    "smooth relaxed casual comfortable moderate usual natural constant"
)
_ADJECTIVES = frozenset(_SIZES.split())
