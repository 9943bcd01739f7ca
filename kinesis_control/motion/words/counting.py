"""What is counted or graded in a clause: numbers and units, how often, how fast, how far."""

import math

from kinesis_control.motion.words.clause import Amount, Clause
from kinesis_control.motion.words.lexicon import Tag, Verb
from kinesis_control.motion.words.numbers import DETERMINERS
from kinesis_control.motion.words.tokens import Token

_OPENERS = ("then", "before", "after", "while", "until", "but")


class Counting:
    """Reads tokens into the clause `now`.

    Attributes:
        found: the tokens.
        clauses: those that are finished.
        now: the one that is being read.
        opener: preposition that stands open, "".
    """

    def __init__(self, found: list[Token]) -> None:
        self.found = found
        self.clauses: list[Clause] = []
        self.now = Clause()
        self.opener = ""

    def _take(self, i: int) -> int:
        """Read the token at `i`; returns the index of the next one."""
        raise NotImplementedError

    def _close(self, connector: str) -> None:
        if self.now.empty:
            old = self.now.connector
            strong = next((c for c in (connector, old) if c in _OPENERS), connector or old)
            self.now = Clause(connector=strong)
        else:
            self.clauses.append(self.now)
            self.now = Clause(connector=connector)
        self.opener = ""

    def _after_article(self, i: int) -> bool:
        j = i - 1
        between = (Tag.PACE, Tag.DIRECTION, Tag.STYLE, Tag.DEGREE, Tag.NUMBER, Tag.FILLER)
        while j >= 0 and self.found[j].tag in between and self.found[j].text not in DETERMINERS:
            j -= 1
        return j >= 0 and self.found[j].text in (*DETERMINERS, "his", "their", "her", "its")

    def _number(self, i: int) -> int:
        token, now = self.found[i], self.now
        value = token.number
        j = i + 1
        if j < len(self.found) and self.found[j].text in ("or", "to") and j + 1 < len(self.found) and self.found[j + 1].tag is Tag.NUMBER:
            j += 2
            now.extra.append(f"range {token.text}")
        elif j < len(self.found) and self.found[j].tag is Tag.NUMBER:
            j += 1
            now.extra.append(f"range {token.text}")
        k, side = j, False
        while k < len(self.found) and self._is_adjective(k):
            side |= self.found[k].meaning.value in ("left", "right", "sideways", "forward", "backward")
            k += 1
        return self._counted(i, j, k, side, value)

    def _is_adjective(self, k: int) -> bool:
        """Whether the token may stand between a number and what it counts."""
        token = self.found[k]
        if token.tag is Tag.UNKNOWN:
            return k + 1 < len(self.found) and self.found[k + 1].tag in (Tag.UNIT, Tag.SHAPE)
        between = (Tag.FILLER, Tag.PACE, Tag.STYLE, Tag.DIRECTION, Tag.DEGREE, Tag.SPECIAL)
        return token.tag in between and token.text not in ("in", "at", "on", "to", "the")

    def _counted(self, i: int, j: int, k: int, side: bool, value: float) -> int:
        """What a number at `i` counts: the noun at `k`, if it is one."""
        token, now = self.found[i], self.now
        noun = self.found[k] if k < len(self.found) else None
        if noun is not None and noun.tag is Tag.UNIT:
            self._amount(value, noun, token.vague)
            return self._between(j, k)
        if noun is not None and noun.tag is Tag.REPEAT and not noun.meaning.value:
            now.times = value
            if any(t.text == "more" for t in self.found[j:k]):
                now.extra.append("again")
            return k + 1
        if noun is not None and noun.meaning.value is Verb.SIDE:
            now.kind = Verb.SIDE
            now.amounts.append(Amount(value=value, unit="steps", vague=token.vague))
            return self._between(j, k)
        if noun is not None and noun.tag is Tag.VERB and noun.meaning.value in (Verb.TURN, Verb.SPIN) and k > i:
            if now.kind is not None and now.kind is not noun.meaning.value:
                self._close("join")
            now = self.now
            now.kind = Verb.TURN
            if value >= 45.0:
                now.bare = value
            elif side and value >= 1.0:
                now.times = value
            else:
                now.amounts.append(Amount(value=value * math.tau, unit="rad"))
            return self._between(j, k)
        if noun is not None and (noun.tag is Tag.SHAPE or noun.text in ("circle", "loop", "circles", "loops")):
            now.count = value
            now.shape = str(noun.meaning.value) if noun.tag is Tag.SHAPE else "circle"
            return self._between(j, k)
        now.bare = value
        return j

    def _between(self, j: int, k: int) -> int:
        """Read what stands between a number and its noun ("two quick steps"); returns the index behind the noun."""
        for index in range(j, k):
            self._take(index)
        self.now.said.append(self.found[k].text)
        return k + 1

    def _amount(self, value: float | None, noun: Token, vague: str) -> None:
        assert isinstance(noun.meaning.value, tuple)
        factor, unit = noun.meaning.value
        if unit == "m/s":
            self.now.speed = None if value is None else value * factor
        else:
            self.now.amounts.append(Amount(value=None if value is None else value * factor, unit=unit, vague=vague))

    def _unit(self, i: int) -> int:
        token, now = self.found[i], self.now
        if token.text == "foot":
            return self._body(i)
        if token.meaning.value == (1.0, "steps") and token.text.endswith("s"):
            now.steps = True
            return i + 1
        if self._after_article(i):
            self._amount(1.0, token, "")
        else:
            now.unknown.append(token.text)
        return i + 1

    def _repeat(self, i: int) -> int:
        count = float(str(self.found[i].meaning.value))
        if count:
            self.now.times = count
        elif self.found[i].text == "time" and i and self.found[i - 1].text in ("another", "more"):
            self.now.extra.append("again")
        return i + 1

    def _radius(self, i: int) -> int:
        self.now.radius_word = self.found[i].text
        return i + 1

    def _pace(self, i: int) -> int:
        token, now = self.found[i], self.now
        factor = float(str(token.meaning.value))
        before = self.found[i - 1] if i else None
        if before is not None and before.tag is Tag.DEGREE:
            degree = float(str(before.meaning.value))
            factor = factor ** (1.5 if degree > 0 else 0.5 if degree < 0 else 1.0)
            now.slight = False
        now.pace *= factor
        now.comparative |= token.text in ("faster", "slower", "quicker")
        return i + 1

    def _degree(self, i: int) -> int:
        token = self.found[i]
        if float(str(token.meaning.value)) < 0.0:
            self.now.slight = True
        return i + 1

    def _special(self, i: int) -> int:
        word = self.found[i].text
        now = self.now
        if word in ("while5", "moment"):
            now.amounts.append(Amount(value=5.0 if word == "while5" else 2.0, unit="s", vague="a while" if word == "while5" else "a moment"))
        elif word in ("shortdistance", "longdistance"):
            now.amounts.append(Amount(value=2.0 if word[0] == "s" else 10.0, unit="m", vague=f"a {word.removesuffix('distance')} distance"))
        elif word == "otherway":
            now.directions.append("opposite")
        elif word == "allaround":
            now.amounts.append(Amount(value=math.tau, unit="rad"))
        elif word in ("doublefast", "halffast"):
            now.pace, now.comparative = (2.0 if word[0] == "d" else 0.5), True
        elif word == "andstop":
            now.ending = True
        elif word != "same":
            now.extra.append(word)
        return i + 1

    def _counted_once(self, i: int) -> None:
        """ "a side step" is one, "a full turn" is 360 degrees."""
        now = self.now
        if self.found[i].meaning.form != "base" or not self._after_article(i) or now.amounts:
            return
        if now.kind is Verb.SIDE:
            now.amounts.append(Amount(value=1.0, unit="steps"))
        elif now.kind is Verb.TURN and self.found[i - 1].text in ("full", "complete", "whole", "entire"):
            now.amounts.append(Amount(value=math.tau, unit="rad"))

    def _body(self, i: int) -> int:
        self.now.body.append(("on " if self.opener == "on" else "") + self.found[i].text)
        return i + 1
