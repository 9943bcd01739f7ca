"""Tokens -> clauses: one movement each."""

from kinesis_control.motion.words.clause import Clause
from kinesis_control.motion.words.counting import Counting
from kinesis_control.motion.words.lexicon import Tag, Verb
from kinesis_control.motion.words.numbers import DETERMINERS
from kinesis_control.motion.words.tokens import Token

_BEFORE_A_VERB = (Tag.SUBJECT, Tag.PACE, Tag.DEGREE, Tag.FILLER, Tag.BOUNDARY, Tag.STYLE, Tag.SPECIAL)
_PLACE_OPENERS = ("to", "through", "across", "along", "around", "round", "down", "by", "at", "in", "of", "for")
_PEOPLE = ("me", "us", "him", "them", "you")
_FORBIDDEN_OPENERS = ("over", "onto", "on", "under", "upon")


def _describes(token: Token) -> bool:
    """Whether a word belongs to a description ("he walks") rather than to a command ("walk")."""
    told = token.tag in (Tag.VERB, Tag.DO, Tag.AUX, Tag.IMPOSSIBLE) and token.meaning.form in ("s", "ed")
    return told or token.text in ("is", "are", "was", "were")


class Reader(Counting):
    """Reads tokens from left to right, once.

    Attributes:
        caption: the text describes somebody ("he walks") rather than commands.
        slips: (as typed, as read) of every misspelt word.
    """

    def __init__(self, found: list[Token]) -> None:
        super().__init__(found)
        self.caption = any(_describes(t) for t in found)
        self.slips = [(t.text, t.read_as) for t in found if t.read_as]

    def read(self) -> list[Clause]:
        """All clauses that say anything."""
        i = 0
        while i < len(self.found):
            i = self._take(i)
        self._close("")
        return self.clauses

    def _take(self, i: int) -> int:
        """Read the token at `i`; returns the index of the next one."""
        token = self.found[i]
        if token.tag is Tag.BOUNDARY:
            return self._boundary(i)
        self.now.said.append(token.text)
        handler = getattr(self, f"_{token.tag.name.lower()}", None)
        return handler(i) if handler else i + 1

    def _boundary(self, i: int) -> int:
        word = str(self.found[i].meaning.value)
        following = self.found[i + 1].text if i + 1 < len(self.found) else ""
        if word in ("after", "before") and following in ("that", "this", "which", "it"):
            self._close("then")
            return i + 2
        word = {"till": "until", "afterwards": "then", "afterward": "then", "thereafter": "then", "subsequently": "then"}.get(word, word)
        self._close(word)
        return i + 1

    def _verb(self, i: int) -> int:
        token, now = self.found[i], self.now
        kind = token.meaning.value
        assert isinstance(kind, Verb)
        if token.text == "back" and not self._is_back_verb(i):
            now.directions.append("back")
            self.opener = ""
            return i + 1
        if self._is_attribute(i):
            return i + 1
        if kind is Verb.CURVE and now.kind is not None and self._after_article(i):
            now.shape = "circle" if token.text in ("circle", "loop", "orbit") else "arc"
            return i + 1
        if now.kind is None:
            self._set_verb(token)
            self._counted_once(i)
        elif kind is Verb.FACE:
            return self._facing(i)
        elif self._names_the_verb(i, kind):
            self._set_verb(token)
        elif now.kind in (Verb.STOP, Verb.STAND) and (token.meaning.form == "ing" or kind in (Verb.STAND, Verb.STOP)):
            if now.kind is Verb.STAND and kind not in (Verb.STAND, Verb.STOP):
                self._close("join")
                self._set_verb(token)
                self.now.said.append(token.text)
        elif now.kind is Verb.RETURN and kind in (Verb.STAND, Verb.WALK, Verb.RUN):
            now.kind = kind
        elif now.kind is kind and token.meaning.form != "ing":
            pass
        else:
            now.said.pop()
            self._close("join")
            self.now.said.append(token.text)
            self._set_verb(token)
        self.opener = ""
        return i + 1

    def _names_the_verb(self, i: int, kind: Verb) -> bool:
        """ "go jogging", "goes forward walking", "speeds up to a run": the second verb says what the first one leaves open."""
        now = self.now
        if now.kind in (Verb.FASTER, Verb.SLOWER):
            return self._after_article(i)
        onward = kind in (Verb.WALK, Verb.RUN) and self.found[i].meaning.form == "ing"
        return now.kind is Verb.MOVE and not now.amounts and (not now.directions or onward)

    def _set_verb(self, token: Token) -> None:
        now = self.now
        assert isinstance(token.meaning.value, Verb)
        now.kind, now.form = token.meaning.value, token.meaning.form
        now.pace *= token.meaning.pace
        if token.meaning.style:
            now.styles.append(token.text)
        if now.kind is Verb.CURVE and token.text.startswith(("circ", "loop", "orbit")):
            now.shape = "circle"

    def _is_back_verb(self, i: int) -> bool:
        following = self.found[i + 1].text if i + 1 < len(self.found) else ""
        return self.now.kind is None and following in ("up", "away", "off")

    def _is_attribute(self, i: int) -> bool:
        """ "at a walking pace", "a standing person": the verb describes a noun."""
        following = self.found[i + 1] if i + 1 < len(self.found) else None
        if following is None or self.found[i].meaning.form not in ("ing", "base"):
            return False
        if following.text in ("pace", "speed", "position", "motion", "tempo", "movement"):
            return self.now.kind is not None or following.text in ("pace", "speed", "tempo")
        return following.tag is Tag.SUBJECT and self._after_article(i)

    def _facing(self, i: int) -> int:
        """ "turns to face left" is the turn; "sideways, facing forward" says how it looks."""
        if self.now.kind in (Verb.TURN, Verb.SPIN):
            return i + 1
        end = self._phrase_end(i + 1)
        self.now.styles.append(" ".join(t.text for t in self.found[i:end]))
        return end

    def _phrase_end(self, i: int) -> int:
        """Index behind a phrase of manner: up to a boundary behind which something moves, or up to "then"."""
        while i < len(self.found):
            token = self.found[i]
            if token.tag is Tag.BOUNDARY and (token.text in ("then", ".", "before", "after", "until", "but", "while") or self._acts(i + 1)):
                return i
            if token.tag is Tag.VERB and token.meaning.form in ("s", "ing") and token.meaning.value in (Verb.TURN, Verb.CURVE) and token.text != "back":
                return i
            i += 1
        return i

    def _acts(self, i: int) -> bool:
        """Whether a verb comes next, past subjects and adverbs."""
        while i < len(self.found):
            token = self.found[i]
            if token.tag in (Tag.VERB, Tag.IMPOSSIBLE, Tag.DO, Tag.AUX) or (token.tag is Tag.BOUNDARY and token.text == "then"):
                return token.meaning.form != "ed" or token.tag is not Tag.IMPOSSIBLE
            if token.tag not in _BEFORE_A_VERB or token.text in ("his", "her", "their", "its", "the"):
                return False
            i += 1
        return False

    def _manner(self, i: int) -> int:
        if any(t.tag is Tag.RADIUS for t in self.found[i + 1 : i + 7]):
            return i + 1
        ahead = self.found[i + 1 : i + 5]
        bends = any(t.tag is Tag.SHAPE or t.meaning.value is Verb.CURVE for t in ahead)
        if self.found[i].text == "with" and bends:
            return i + 1
        if self.found[i].text == "with" and any(t.meaning.value == (1.0, "steps") or t.text in ("pace", "speed") for t in ahead):
            return i + 1
        end = self._phrase_end(i + 1)
        self.now.styles.append(" ".join(t.text for t in self.found[i:end]))
        self.now.said += [t.text for t in self.found[i + 1 : end]]
        return end

    def _style(self, i: int) -> int:
        self.now.styles.append(self.found[i].text)
        return i + 1

    def _aux(self, i: int) -> int:
        if self.found[i].meaning.value != "be":
            self.now.auxiliary = str(self.found[i].meaning.value)
        return i + 1

    def _do(self, i: int) -> int:
        if self.now.kind is not None:
            self._close("join")
        following = self.found[i + 1] if i + 1 < len(self.found) else None
        if following is not None and following.tag is Tag.NEGATION:
            return i + 1
        self.now.does = True
        return i + 1

    def _direction(self, i: int) -> int:
        token = self.found[i]
        if self.opener == "from":
            self.opener = ""
            return i + 1
        self.now.directions.append(str(token.meaning.value))
        self.now.clock |= "clock" in token.text
        if token.meaning.value != "around":
            self.opener = ""
        else:
            self.opener = "around"
        return i + 1

    def _shape(self, i: int) -> int:
        token = self.found[i]
        shape = str(token.meaning.value)
        if shape == "semi":
            return i + 1
        if self.now.shape in ("", "arc", "circle"):
            self.now.shape = shape
        return i + 1

    def _negation(self, i: int) -> int:
        following = self.found[i + 1 : i + 2]
        if self.found[i].text == "no" and (not following or following[0].tag is Tag.BOUNDARY):
            return i + 1
        if self.now.kind is not None or self.now.directions:
            self._close("join")
        self.now.negated = True
        return i + 1

    def _preposition(self, i: int) -> int:
        self.opener = self.found[i].text
        return i + 1

    def _filler(self, i: int) -> int:
        if self.found[i].text in (*_PLACE_OPENERS, *_FORBIDDEN_OPENERS):
            self.opener = self.found[i].text
        elif self.opener and self.opener not in _PLACE_OPENERS and self.found[i].text in _PEOPLE and self.now.kind is not None:
            self.now.place.append(self.found[i].text)
        return i + 1

    def _subject(self, i: int) -> int:
        if self.opener in ("toward", "towards") and self.now.kind is not None:
            self.now.place.append(self.found[i].text)
        return i + 1

    def _impossible(self, i: int) -> int:
        token = self.found[i]
        if self.now.kind is not None and token.meaning.form in ("ing",) and self.now.kind is not Verb.MOVE:
            self.now.impossible.append(token.text)
            return i + 1
        self.now.impossible.append(token.text)
        return i + 1

    def _unknown(self, i: int) -> int:
        token, now = self.found[i], self.now
        before, following = self.found[max(i - 1, 0)], self.found[i + 1 : i + 2]
        led = i > 0 and (before.text in DETERMINERS or before.tag in (Tag.NUMBER, Tag.DO, Tag.PACE, Tag.DEGREE, Tag.STYLE, Tag.FILLER))
        noun = bool(following) and (following[0].tag in (Tag.UNIT, Tag.SHAPE) or (following[0].tag is Tag.VERB and following[0].meaning.form == "base"))
        if led and noun:
            now.styles.append(token.text)
        elif i > 0 and before.text in DETERMINERS and now.kind is None and following and (_describes(following[0]) or following[0].text == "walking"):
            pass  # a subject that the lexicon does not name: "the android walks"
        elif self.opener and self.opener not in _FORBIDDEN_OPENERS and now.kind is not None:
            now.place.append(token.text)
        else:
            now.unknown.append(token.text)
        return i + 1
