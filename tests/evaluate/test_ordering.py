"""The order of a lock-step recording depends on what was sent, not on when it arrived."""

import random

from kinesis_control.evaluate.ordering import StampedMessage, StampOrder


def message(stamp_ns: int, topic: str = "/a", number: int = 0, data: bytes = b"", source: str = "") -> StampedMessage:
    return StampedMessage(stamp_ns=stamp_ns, topic=topic, source=source, number=number, data=data)


def test_any_arrival_order_within_the_window_gives_the_same_recording() -> None:
    sent = [message(stamp, topic, stamp, bytes([stamp])) for stamp in range(50) for topic in ("/a", "/b")]
    generator = random.Random(3)
    for _ in range(5):
        arriving = sorted(sent, key=lambda m: m.stamp_ns + generator.uniform(0, 9))
        order = StampOrder(window_ns=10)
        released = []
        for m in arriving:
            order.add(m)
            released += order.due()
        assert released == sorted(sent)[: len(released)] and len(released) > 60
        assert [*released, *order.rest()] == sorted(sent)
        assert order.late == 0


def test_numbers_count_within_a_source_only() -> None:
    order = StampOrder(window_ns=10)
    for m in (message(1, number=1, data=b"p", source="b"), message(1, number=9, data=b"r", source="a"), message(1, number=8, data=b"q", source="a")):
        order.add(m)
    assert [m.data for m in order.rest()] == [b"q", b"r", b"p"]


def test_without_a_source_number_then_content_decide() -> None:
    order = StampOrder(window_ns=10)
    for m in (message(1, number=2, data=b"a"), message(1, number=1, data=b"z"), message(1, number=1, data=b"y")):
        order.add(m)
    assert [m.data for m in order.rest()] == [b"y", b"z", b"a"]


def test_byte_identical_repetitions_are_dropped_but_not_across_stamps() -> None:
    order = StampOrder(window_ns=10)
    for m in (message(1, number=1, data=b"x"), message(1, number=2, data=b"x"), message(1, "/b", 1, b"x"), message(2, number=3, data=b"x")):
        order.add(m)
    assert [(m.stamp_ns, m.topic) for m in order.rest()] == [(1, "/a"), (1, "/b"), (2, "/a")]


def test_late_messages_are_counted_and_kept() -> None:
    order = StampOrder(window_ns=10)
    order.add(message(0))
    order.add(message(100))
    assert [m.stamp_ns for m in order.due()] == [0]
    order.add(message(0, number=1, data=b"late"))
    assert [m.data for m in order.due()] == [b"late"]
    assert order.late == 1


def test_rest_can_leave_out_the_unfinished_end() -> None:
    order = StampOrder(window_ns=10)
    for stamp in (5, 6, 7):
        order.add(message(stamp))
    assert [m.stamp_ns for m in order.rest(before_ns=7)] == [5, 6]
    assert list(order.rest()) == []
