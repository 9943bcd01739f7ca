"""What is told of the plan: what the body is set to do, what ended, and what was said of it."""

from typing import Any

from ideal_walker import CREEPING, DT, Walker

from kinesis_control.motion.plan import ActivityReport, ActivityWatch, Ending
from kinesis_control.motion.words import parse


class Watched:
    """A walker whose every tick is watched; `reports` holds everything that was told."""

    def __init__(self) -> None:
        self.walker, self.watch = Walker(CREEPING), ActivityWatch()
        self.reports: list[ActivityReport] = []

    def run(self, seconds: float) -> list[ActivityReport]:
        """What is told in this time."""
        since = len(self.reports)
        for _ in range(round(seconds / DT)):
            events, update = [], self.walker.plan.update

            def spy(*args: Any, update: Any = update, events: Any = events) -> Any:
                events += (found := update(*args))
                return found

            self.walker.plan.update = spy
            self.walker.tick()
            self.walker.plan.update = update
            for event in events:
                self.watch.note("" if event.told else event.text, event=event)
            self.reports += self.watch.reports(self.walker.plan, round(1e9 * (self.walker.time - DT)))
        return self.reports[since:]

    def say(self, text: str) -> None:
        self.watch.note(self.walker.plan.say(parse(text)), asked=text)


def test_what_is_done_is_told_once() -> None:
    watched = Watched()
    first = watched.run(1.0)
    assert [(r.ticket, r.mode, r.goal, r.velocity, r.text, r.ended) for r in first] == [(0, "stand", None, None, "", 0)]


def test_a_goal_from_its_beginning_to_its_end() -> None:
    watched = Watched()
    watched.run(0.1)
    reply, ticket = watched.walker.plan.goal(1.0, 0.5, 0.3, watched.walker.state)
    watched.watch.note(reply)
    begun, *_, ended = watched.run(30.0)
    assert (begun.ticket, begun.mode, begun.goal, begun.text) == (ticket, "goal", (1.0, 0.5, 0.3), reply)
    assert (ended.ended, ended.ending, ended.ticket, ended.goal) == (ticket, Ending.SUCCEEDED, 0, None)
    assert ended.text.startswith("goal reached") and ended.stamp_ns > begun.stamp_ns


def test_what_takes_the_place_of_a_goal_ends_it() -> None:
    watched = Watched()
    _, first = watched.walker.plan.goal(3.0, 0.0, None, watched.walker.state)
    watched.run(1.0)
    _, second = watched.walker.plan.goal(0.0, 3.0, None, watched.walker.state)
    (told,) = watched.run(0.5)
    assert (told.ended, told.ending, told.ticket, told.goal) == (first, Ending.PREEMPTED, second, (0.0, 3.0, None))
    watched.walker.plan.cancel(second, "cancelled")
    (told,) = watched.run(0.5)
    assert (told.ended, told.ending, told.goal) == (second, Ending.CANCELED, None)


def test_velocities_are_told_as_they_were_asked_for() -> None:
    watched = Watched()
    watched.run(0.1)
    plan = watched.walker.plan
    told = []
    for velocity in ((0.5, 0.0, 0.1), (0.5, 0.0, 0.1), (9.0, 0.0, 0.0)):  # the last is beyond the body
        plan.velocity(*velocity, watched.walker.time)
        told += watched.run(DT)
    assert [r.velocity for r in told] == [(0.5, 0.0, 0.1), (9.0, 0.0, 0.0)]
    assert told[0].ticket == told[1].ticket > 0 and told[1].ended == 0
    plan.velocity(0.0, 0.0, 0.0, watched.walker.time)
    (stopped,) = watched.run(DT)
    assert (stopped.velocity, stopped.mode, stopped.ended) == (None, "stand", told[0].ticket)


def test_texts_are_told_with_their_answers_and_each_part_has_its_number() -> None:
    watched = Watched()
    watched.run(0.1)
    watched.say("walk forward 1 metre, then turn left 90 degrees")
    told = watched.run(40.0)
    assert told[0].asked == "walk forward 1 metre, then turn left 90 degrees" and "turning left" in told[0].text
    first, second = told[0].ticket, told[0].ticket + 1
    ends = [(r.ended, r.ending, r.ticket) for r in told if r.ended]
    assert ends == [(first, Ending.SUCCEEDED, second), (second, Ending.SUCCEEDED, 0)]
    watched.say("sing a song")
    (refused,) = watched.run(DT)
    assert refused.asked == "sing a song" and refused.text.startswith("refused") and refused.ticket == 0
    watched.say("after that walk 1 m")
    watched.say("then turn left 90 degrees")
    told = watched.run(40.0)
    assert [r.ticket for r in told if r.ended] == [told[0].ticket + 1, 0]  # what was put behind has a number too


def test_only_a_walk_without_an_end_has_a_velocity_to_follow() -> None:
    watched = Watched()
    watched.say("walk at 0.8 m/s")
    (walking,) = watched.run(1.0)
    assert (walking.mode, walking.velocity) == ("walk", (0.8, 0.0, 0.0))
    watched.say("keep turning left")
    assert watched.run(1.0)[0].velocity == watched.walker.plan.activity.velocity is not None
    watched.say("walk 2 metres")
    assert watched.run(1.0)[0].velocity is None
    watched.say("walk for 3 seconds")
    assert watched.run(1.0)[0].velocity is not None
    stopping, ended = watched.run(10.0)
    assert stopping.velocity is None and stopping.mode == "walk" and (ended.ended, ended.ticket) == (stopping.ticket, 0)
