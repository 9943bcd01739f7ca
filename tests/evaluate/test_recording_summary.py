"""Gaps in the numbers of one publisher are losses; where there are two publishers nothing can be told."""

from pathlib import Path

from kinesis_control.evaluate.recording_summary import LossCounter, RecordingSummary


def seen(*numbers: int) -> LossCounter:
    losses = LossCounter()
    losses.watch("a")
    for number in numbers:
        losses.see("a", number)
    return losses


def test_a_gap_is_a_loss() -> None:
    assert seen(1, 2, 3).lost == {}
    assert seen(7, 8, 11, 12, 14).lost == {"a": 3}


def test_a_second_publisher_ends_the_count() -> None:
    losses = seen(1, 5, 2, 9)
    assert losses.lost == {} and not losses.comparable("a")


def test_a_topic_that_is_not_watched_is_not_counted() -> None:
    losses = seen()
    losses.see("b", 1)
    losses.see("b", 9)
    assert losses.lost == {} and losses.comparable("a") and not losses.comparable("b")


def test_summary_names_what_is_missing() -> None:
    summary = RecordingSummary(path=Path("bag"), counts={"/b": 2, "/a": 1}, lost={"/b": 4}, late=1, unstamped=("/c",), missing=("/d",))
    text = "\n".join(summary.lines())
    assert text.startswith("recorded 3 messages in bag\n  /a: 1\n  /b: 2\n  LOST on /b: 4\n")
    assert "1 messages came too late" in text and "left out" in text and "never appeared: /d" in text
