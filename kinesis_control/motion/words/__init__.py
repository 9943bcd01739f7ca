"""Plain English -> instructions. No downloaded weights, no network; a text is read in time linear in its length, and every text gets an answer.

The way of a text: tokens.py (spelling, phrases, numbers, lexicon) -> reader.py (clauses, one movement each) -> order.py (order of doing, two at once)
-> meaning.py (what is taken over, repeated, refused), movements.py and going.py (one clause -> instructions) -> reply.py (what is said about it).

What ordinary English leaves open is settled so, and said in the reply:

- Nothing is obeyed by half: a word that is not known, or a movement that cannot be done, refuses the whole text; the reply names it and the rest.
  A leading "stop", "halt" or "freeze" always stops, whatever else the text holds.
- A turn without a side is to the left; without an angle it is 90 degrees, "slightly" 30; "turn around" and a u-turn are 180, "spin" is 360.
- "Turn left" turns; "keep turning left", "curve left", "veer left" and "walk while turning left" are a CURVE. So is "walk to the left", because the
  path goes there; with a length ("3 metres to the left") it is a turn of 90 degrees and that length. Only side stepping, stepping, shuffling,
  strafing and going sideways are a SIDE_STEP.
- "Diagonally to the left" is a turn of 45 degrees and straight on; without a side it is straight, since a body walks where it faces.
- "In a circle" is one, to the left unless said; "in circles" goes on. Clockwise, seen from above, is to the right. A figure eight is two circles,
  an S two half circles, a zigzag four bends, a square has sides of 2 m.
- "Come back", "walk back" after going somewhere: turn around unless that was just said, and as far as the last leg; after side steps the other way.
  Without a way out, "walk back" is walking backward. "Step back" and "two steps back" always are.
- "Step" as a verb is one step; "a couple" is 2, "a few" 3, "several" 5, "a moment" 2 s, "a while" 5 s.
- An amount that is not said is None: until told otherwise, or a usual amount where something follows. "Back and forth" without a number is once.
- "Repeat that twice" is two times more; "twice" and "three times" count all.
- Walking, marching or running in place is refused: no policy is trained for it, and to stand instead would not be what was asked.
- How it should look ("with a limp", "like a zombie") is not done; the movement is, and the reply says so. In a description ("a man walks to the
  door") a place that is not known is left out in the same way; in a command it is refused.
- What is not to be done is left out: "don't turn left, turn right" turns right; a text of nothing else is refused, but "don't move" stands.
- Typing errors of one letter are read in the commonest words only, and said. A negative or zero amount is refused.
"""

from kinesis_control.motion.instruction import Instruction, Queueing, Skill, Understanding
from kinesis_control.motion.words.lexicon import Verb
from kinesis_control.motion.words.meaning import Interpreter
from kinesis_control.motion.words.meant import Meant
from kinesis_control.motion.words.reader import Reader
from kinesis_control.motion.words.reply import describe_all, refusal
from kinesis_control.motion.words.tokens import MAX_TEXT, Token, UnreadableError, tokens

__all__ = ["parse"]

_AT_ONCE = ("stop", "halt", "freeze")
_APPENDING = ("then", "afterwards", "afterward", "thereafter", "subsequently", "next")
_POLITE = ("and", ",", "please", "ok", "now", "robot")


def parse(text: str) -> Understanding:
    """Read one text; never raises. What is not wholly understood is refused, except that a leading "stop" always stops."""
    try:
        found = tokens(text)
    except UnreadableError as error:
        return _stopping(text) or Understanding(understood=False, reply=refusal(text[:80], str(error)))
    reader = Reader(found)
    clauses = reader.read()
    meant = Interpreter(reader.caption).interpret(clauses)
    if meant.refusals:
        return _stopping(text) or _refused(meant)
    if not meant.instructions and meant.change != 1.0:
        word = "faster" if meant.change > 1.0 else "slower"
        reply = f"{word}: {meant.change:.2g} times the present speed"
        return Understanding(understood=True, queueing=Queueing.CHANGE, pace_change=meant.change, reply=reply)
    if not meant.instructions:
        why = "it says only what is not to be done; say what to do instead" if meant.undone else "no movement is named in it"
        return _stopping(text) or Understanding(understood=False, reply=refusal(text[:80], why))
    stops = bool(clauses) and clauses[0].kind is Verb.STOP
    appended = _appends(found) and not stops
    return Understanding(
        understood=True,
        instructions=tuple(meant.instructions),
        queueing=Queueing.APPEND if appended else Queueing.REPLACE,
        reply=_answer(meant, reader.slips, appended),
    )


def _appends(found: list[Token]) -> bool:
    words = [t.text for t in found if t.text not in _POLITE]
    return bool(words) and (words[0] in _APPENDING or words[:2] in (["after", "that"], ["after", "this"]))


def _answer(meant: Meant, slips: list[tuple[str, str]], appended: bool) -> str:
    text = ("after what is under way: " if appended else "") + describe_all(tuple(meant.instructions))
    if slips:
        text += "; read as: " + ", ".join(f"'{wrong}' as '{right}'" for wrong, right in slips[:6])
    if meant.taken:
        text += "; taken: " + "; ".join(meant.taken[:6])
    if meant.undone:
        text += "; not done: " + "; ".join(part[:60] for part in meant.undone[:6])
    return text


def _refused(meant: Meant) -> Understanding:
    said, why, nearest = meant.refusals[0]
    return Understanding(understood=False, reply=refusal(said, why, nearest, describe_all(tuple(meant.instructions))))


def _stopping(text: str) -> Understanding | None:
    """ "stop" comes first in a text that is not understood: stopping is safe, so it is done."""
    words = text[:80].lower().replace(",", " ").replace("!", " ").replace(".", " ").split()
    words = [w for w in words if w not in _POLITE]
    if len(text) <= MAX_TEXT and words[:1] and words[0] in _AT_ONCE and words[1:2] not in (["then"], ["after"], ["when"], ["at"], ["in"]):
        reply = "stand until told otherwise; only the 'stop' of it was understood"
        return Understanding(understood=True, instructions=(Instruction(skill=Skill.STAND),), reply=reply)
    return None
