"""kinesis_control/motion/words: what texts are understood as, and that every text gets an answer."""

import math
import string
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kinesis_control.motion.instruction import Direction, Instruction, Queueing, Skill, Unit
from kinesis_control.motion.words import parse
from kinesis_control.motion.words.lexicon import LEXICON, Tag
from kinesis_control.motion.words.meant import MAX_INSTRUCTIONS
from kinesis_control.motion.words.phrases import PHRASES
from kinesis_control.motion.words.spelling import correct
from kinesis_control.motion.words.table import evaluate, read_table
from kinesis_control.motion.words.tokens import MAX_TEXT

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.mark.parametrize(("name", "rows", "share"), [("commands.csv", 250, 0.95), ("captions.csv", 200, 0.95)])
def test_the_tables_are_understood(name: str, rows: int, share: float) -> None:
    score = evaluate(read_table(DATA / name))
    assert score.total >= rows
    assert score.share >= share, [(row.text, got.reply) for row, got in score.wrong]


def test_what_is_not_said_is_said_in_the_reply() -> None:
    assert "no side was said, so left" in parse("turn 90 degrees").reply
    assert "'a few' as 3 steps" not in parse("walk 3 steps").reply
    assert "'few' as 3 steps" in parse("walk a few steps").reply
    assert "with a limp" in parse("he walks with a limp").reply
    assert "'wlak' as 'walk'" in parse("wlak forward").reply


def test_the_reply_tells_the_plan() -> None:
    reply = parse("walk forward three metres, then turn around and come back").reply
    assert reply == "walk forward 3 m at the usual pace, then turn left by 180 degrees, then walk forward again, back 3 m at the usual pace"


def test_a_sequence_with_an_impossible_part_is_refused_as_a_whole() -> None:
    got = parse("walk 2 metres, then do a backflip, then turn left")
    assert not got.understood and got.instructions == ()
    assert "backflip" in got.reply
    assert "the rest would be: walk forward 2 m at the usual pace, then turn left by 90 degrees" in got.reply


def test_fields_beside_the_amount() -> None:
    assert parse("walk at 0.8 m/s").instructions[0].speed == pytest.approx(0.8)
    assert parse("walk three metres in five seconds").instructions[0].speed == pytest.approx(0.6)
    assert parse("walk in a circle with a radius of 2 metres").instructions[0].radius == 2.0
    assert parse("walk in a circle of 3 m diameter").instructions[0].radius == 1.5
    assert parse("jog in a circle").instructions[0].running
    assert not parse("walk in a circle").instructions[0].running
    assert [i.returning for i in parse("walk 2 m and come back").instructions] == [False, False, True]
    assert parse("walk very slowly").instructions[0].pace < parse("walk slowly").instructions[0].pace < 1.0


@pytest.mark.parametrize("text", ["stop", "then stop", "stop blah blah", "STOP xyz 12", "halt!!! ¤"])
def test_stop_always_stops_at_once(text: str) -> None:
    got = parse(text)
    assert got.understood and got.queueing is Queueing.REPLACE
    assert got.instructions == (Instruction(skill=Skill.STAND),)


@pytest.mark.parametrize("text", ["walk or run", "turn left or right", "walk towards me", "walk if you can", "never stop walking"])
def test_what_is_left_open_or_conditional_is_refused(text: str) -> None:
    assert not parse(text).understood


def test_pace_changes() -> None:
    assert parse("faster").pace_change > parse("a bit faster").pace_change > 1.0 > parse("a bit slower").pace_change > parse("slower").pace_change
    assert parse("twice as fast").pace_change == 2.0
    assert parse("faster").instructions == ()


def test_the_opposite_is_never_done() -> None:
    assert [i.direction for i in parse("don't turn left, turn right").instructions] == [Direction.RIGHT]
    assert [i.direction for i in parse("turn right, not left").instructions] == [Direction.RIGHT]
    assert [i.skill for i in parse("don't walk, run").instructions] == [Skill.RUN]
    for text in ("don't turn left", "do not walk backwards", "never run"):
        assert all(i.skill is Skill.STAND for i in parse(text).instructions), text


@pytest.mark.parametrize("text", ["wall", "talk", "lift", "light", "strand", "shop", "torn", "hen", "there", "fight", "steep", "baking", "shouting"])
def test_other_words_are_not_taken_for_movements(text: str) -> None:
    assert correct(text) == ""
    assert not parse(text).understood


@pytest.mark.parametrize(
    "bad",
    [
        *("", " ", "\x00", "walk\x00", "walk \x1b[2J", "\ufffe", "🚶", "walk 🚶", "ходи", "前进"),
        *("x" * 100_000, "walk " * 20_000, "walk 1e999 m", "1e400"),
    ],
)
def test_bad_texts_are_refused_in_print(bad: str) -> None:
    got = parse(bad)
    assert not got.understood and got.instructions == ()
    assert got.reply.startswith("not understood:") and got.reply.isprintable() and len(got.reply) < 1000
    assert "walk forward" in got.reply  # what it can do


ODD = ["3", "0.5", "-2", "1e999", "90°", "1/0", "m", "½", "dozen", "half", "a few", "and a half", "point five"]
WORDS = st.sampled_from(sorted(LEXICON) + sorted(PHRASES) + ODD)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=25).map(" ".join), st.text(alphabet=string.printable, max_size=200)))
@example("N'T")
@example("walk 1/0 m")
@example("then then then")
@example("turn 5e300 times")
def test_every_text_gets_an_answer(text: str) -> None:
    got = parse(text)
    assert got.reply and got.reply.isprintable()
    assert got.understood == (bool(got.instructions) or got.queueing is Queueing.CHANGE)
    assert got.understood != got.reply.startswith("not understood:")
    assert len(got.instructions) <= MAX_INSTRUCTIONS
    for instruction in got.instructions:
        assert (instruction.amount is None) or (math.isfinite(instruction.amount) and instruction.amount > 0.0)
        assert (instruction.amount is None) <= (instruction.unit is None)
        assert math.isfinite(instruction.pace) and instruction.pace > 0.0
        assert (instruction.direction in (Direction.LEFT, Direction.RIGHT)) or instruction.skill not in (Skill.TURN, Skill.CURVE, Skill.SIDE_STEP)
        assert instruction.unit is not Unit.RADIAN or instruction.skill in (Skill.TURN, Skill.CURVE)
    assert math.isfinite(got.pace_change) and got.pace_change > 0.0


def test_the_work_grows_with_the_length_only() -> None:
    """Calls of Python functions, not seconds: a text four times as long costs about four times as much."""
    short, long = _calls("walk 2 m then trun left and wak " * 12), _calls("walk 2 m then trun left and wak " * 48)
    assert long < 6.0 * short
    assert _calls("walk " * 100_000) < 200


def _calls(text: str) -> int:
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        parse(text)
    finally:
        sys.setprofile(None)
    return count


def test_the_longest_text_is_read_and_one_more_is_not() -> None:
    assert parse("walk" + " " * (MAX_TEXT - 4)).understood
    assert not parse("walk" + " " * (MAX_TEXT - 3)).understood


def test_phrases_are_read_as_known_words() -> None:
    """Every replacement is a word of the lexicon or a number, so that no phrase hides an unknown word."""
    for phrase, meaning in PHRASES.items():
        for word in meaning.split():
            assert word in LEXICON or word.replace(".", "").isdigit(), (phrase, word)


def test_every_impossible_word_is_refused() -> None:
    for word, meaning in LEXICON.items():
        if meaning.tag is Tag.IMPOSSIBLE:
            assert not parse(f"please {word}").understood, word
