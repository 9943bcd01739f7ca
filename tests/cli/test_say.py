"""A refusal of the motion side is told from an answer, whatever the words are."""

import pytest

from kinesis_cli.ask import is_refusal
from kinesis_control.motion.words import parse


@pytest.mark.parametrize("text", ["fly", "", "do a backflip", "x" * 100_000])
def test_refusals(text):
    assert is_refusal(parse(text).reply)


@pytest.mark.parametrize("text", ["walk", "stop", "stand", "walk at 0.8 m/s", "turn left", "faster"])
def test_answers(text):
    assert not is_refusal(parse(text).reply)
