"""benchmarks/commands.py: what is counted, and where each text is to end."""

import math

import pytest

pytest.importorskip("mujoco")
pytest.importorskip("onnxruntime")

from benchmarks.commands import TEXTS, Outcome, summary
from kinesis_control.motion.command import Abilities
from kinesis_control.motion.plan import MotionPlan
from kinesis_control.motion.words import parse

ABLE = Abilities(min_speed=-0.5, max_speed=1.4, max_lateral=0.3, max_yaw_rate=0.6, max_turn_in_place=0.8, creep=(0.4, 0.2, 0.5))


def outcome(distance: float, degrees: float = 0.0, *, fell: bool = False, soonest: float | None = 3.0) -> Outcome:
    return Outcome(ending="SUCCEEDED", fell=fell, seconds=6.0, soonest=soonest, distance=distance, heading_error=math.radians(degrees), way=(0.0, 0.0, 0.0))


def test_shares_are_of_all_trials_and_who_falls_has_not_arrived():
    group = [outcome(0.05, 5.0), outcome(0.09, -12.0, soonest=None), outcome(0.2, 9.0), outcome(0.02, 0.0, fell=True, soonest=6.0)]
    with_heading, without = (" ".join(summary(name, group).split()) for name in ("goal with heading", "goal"))
    for share in ("0.1 m 2/4", "0.3 m 3/4", "10 degrees 2/4", "0.1 m and 10 degrees 1/4", "0.1 m in the first 5 s 2/4 (0.15 to 0.85)"):
        assert f"within {share}" in with_heading  # Wilson 1927: two of four
    assert "fell 1/4" in with_heading and "median 0.090 m, 9.0 degrees, 6.0 s" in with_heading
    assert "within 10 degrees" not in without


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_understood_and_says_as_much_as_is_expected(text):
    reply = MotionPlan(ABLE).say(parse(text))
    forward, left, turn = TEXTS[text]
    assert not reply.startswith("refused")
    assert (f"{abs(turn):.0f} degrees" if turn else f"{abs(forward or left):.1f}") in reply
