"""What came of text commands: the log against the plan that writes the answers, and out of a bag."""

from pathlib import Path
from typing import Any

import pytest

from kinesis_control.evaluate.events import REPLACED, Text
from kinesis_control.evaluate.report_evaluation import evaluate_recordings
from kinesis_control.evaluate.stream_texts import REPORTS, TextLog
from kinesis_control.motion.words import parse
from tests.motion.ideal_walker import WIDE, Walker

S = 1_000_000_000


class Graph:
    """The motion node's plan, a point that follows it, and a log that hears only what is on the topics."""

    def __init__(self) -> None:
        self.walker, self.log, self._heard = Walker(WIDE), TextLog(), 0

    @property
    def now_ns(self) -> int:
        return round(1e9 * self.walker.time)

    def say(self, text: str) -> None:
        self.log.say(text, self.now_ns)
        self.log.reply(self.walker.plan.say(parse(text)), self.now_ns)

    def goal(self, x: float, y: float) -> None:
        self.log.reply(self.walker.plan.goal(x, y, None, self.walker.state)[0], self.now_ns)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.025)):
            self.walker.tick()
            for line in self.walker.said[self._heard :]:
                # What is told by the reply to what took its place is not published.
                if not (line.startswith("ended: ") and "new" in line.rpartition(": ")[2]):
                    self.log.reply(line, self.now_ns)
            self._heard = len(self.walker.said)

    def texts(self) -> dict[str, Text]:
        return {t.text: t for t in self.log.take(None, ends=True)}


def test_a_text_is_done_with_the_report_on_its_last_part() -> None:
    graph = Graph()
    graph.say("walk forward 2 metres, then turn left by 90 degrees")
    graph.run(30.0)
    first = next(line for line in graph.walker.said if line.startswith("done: walking"))
    assert "; next: " in first
    (text,) = graph.log.take(None, ends=False)
    assert text.understood and not text.endless and text.done_ns is not None
    assert 4.0 < 1e-9 * text.done_ns < 20.0


def test_refused_replaced_and_endless_texts_are_told_apart() -> None:
    graph = Graph()
    for text in ("walk", "faster", "fly to the moon", "walk forward 50 metres", "turn around", "then walk 1 m", "stand for 2 seconds"):
        graph.say(text)
        graph.run(1.0)
    graph.run(20.0)
    graph.say("walk forward 20 metres")
    graph.run(1.0)
    graph.goal(3.0, 0.0)
    graph.run(0.1)
    graph.say("walk 30 m")
    texts = graph.texts()
    assert (texts["walk"].endless, texts["walk"].ended) == (True, REPLACED)
    assert texts["faster"].endless and not texts["faster"].ended
    assert texts["fly to the moon"].understood is False
    assert [texts[t].ended for t in ("walk forward 50 metres", "turn around", "then walk 1 m", "walk forward 20 metres")] == [REPLACED] * 4
    assert texts["stand for 2 seconds"].done_ns is not None
    assert (texts["walk 30 m"].ended, texts["walk 30 m"].done_ns) == ("", None)


def test_what_waits_behind_another_text_is_done_after_it() -> None:
    graph = Graph()
    graph.say("walk forward 2 metres")
    graph.run(0.5)
    graph.say("then turn left by 90 degrees, then walk 1 metre")
    graph.run(40.0)
    texts = graph.texts()
    first, second = texts["walk forward 2 metres"].done_ns, texts["then turn left by 90 degrees, then walk 1 metre"].done_ns
    assert first is not None and second is not None and first < second


def test_a_fall_ends_every_text_under_way() -> None:
    graph = Graph()
    graph.say("walk forward 9 metres")
    graph.say("then turn left by 90 degrees")
    graph.run(1.0)
    graph.walker.fallen = True
    graph.run(0.1)
    assert all("fallen" in t.ended and t.done_ns is None for t in graph.texts().values())


def test_a_part_that_is_missed_spoils_its_text_and_no_other() -> None:
    log = TextLog()
    log.say("walk 2 m, then turn left", 0)
    log.reply("walking 2.00 m; then turning left by 90 degrees", 1)
    log.say("then walk 1 m", S)
    log.reply("after that: walking 1.00 m", S + 1)
    log.reply("ended: walking 2.00 m, 0.3 m short; it came no nearer; next: turning left by 90 degrees", 9 * S)
    log.reply("done: turning left by 90 degrees; next: walking 1.00 m", 12 * S)
    log.reply("done: walking 1.00 m; standing", 15 * S)
    first, second = log.take(None, ends=False)
    assert first.ended.startswith("ended: walking 2.00 m") and first.done_ns is None
    assert second.done_ns == 15 * S and not second.ended


def test_every_report_of_the_plan_is_known_as_one() -> None:
    """A report that is taken for an answer would call off what is under way."""
    graph = Graph()
    for text, seconds in (("walk 1 m", 10.0), ("turn right", 10.0), ("stand for 1 second", 3.0), ("walk 2 s", 8.0)):
        graph.say(text)
        graph.run(seconds)
    graph.goal(graph.walker.x + 1.0, graph.walker.y)
    graph.run(12.0)
    said = [line for line in graph.walker.said if line]
    assert len(said) >= 5 and all(line.startswith(REPORTS) for line in said), said


def test_an_answer_that_comes_late_is_none() -> None:
    log = TextLog()
    log.say("walk 1 m", 0)
    log.reply("walking 1.00 m at 0.80 m/s", 2 * S)
    (text,) = log.take(None, ends=True)
    assert text.understood is None


def put_text(bag: Any, topic: str, tick: int, text: str) -> None:
    kind = "std_msgs/msg/String"
    bag.put(topic, kind, bag.wall_ns + tick * 25_000_000 + 1, bag.types.store.types[kind](data=text))


@pytest.mark.parametrize("chunk", [1024, 50])
def test_out_of_a_bag(recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Done after 6 s: over many chunks; another one is under way when the body is reset."""
    from kinesis_control.evaluate import stream

    monkeypatch.setattr(stream, "CHUNK_TICKS", chunk)
    bag = recorded.layout().status(0, clock="realtime").ticks(0, 400).ticks(400, 200, episode=1)
    put_text(bag, "text_command", 40, "walk forward 3 metres")
    put_text(bag, "text_reply", 41, "walk forward 3 m -> walking 3.00 m at 0.80 m/s")
    put_text(bag, "text_reply", 280, "done: walking 3.00 m at 0.80 m/s; went 3.01 m in 6.0 s; standing")
    put_text(bag, "text_command", 390, "walk forward 9 metres")
    put_text(bag, "text_reply", 391, "walking 9.00 m at 0.80 m/s")
    put_text(bag, "text_command", 450, "fly")
    put_text(bag, "text_reply", 451, "refused: 'fly' is not known")
    first, second = evaluate_recordings([bag.save(tmp_path / "bag")]).lives
    assert (first.figures["texts.understood"].value, first.figures["texts.understood"].n) == (1.0, 2)
    assert (first.figures["texts.done"].value, first.figures["texts.done"].n) == (1.0, 1)
    assert first.figures["texts.done"].note == "1 without a report of their end"
    assert first.figures["texts.time"].value == pytest.approx(6.0)
    assert (second.figures["texts.understood"].value, second.figures["texts.understood"].n) == (0.0, 1)
    assert [t.text for t in first.texts] == ["walk forward 3 metres", "walk forward 9 metres"]


def test_a_recording_without_activity_does_not_say_that_nothing_was_asked(whole_bag: Path) -> None:
    figures = evaluate_recordings([whole_bag]).figures
    for name in ("texts.understood", "texts.done", "texts.time", "goals.reached", "goals.time", "velocity.error"):
        assert "topic activity, which was not recorded" in figures[name].missing, name
