"""What a page may ask for; anything may come."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinesis_control.errors import ConfigurationError
from kinesis_sim.viewer.orders import MAX_TEXT, READERS, Order, read_order


def order(**fields):
    return read_order(json.dumps(fields))


def test_good_orders():
    assert order(kind="say", text="  walk\n forward ") == Order(kind="say", text="walk forward")
    assert order(kind="velocity", x=1, y=0.0, yaw=-0.5).numbers == (1.0, 0.0, -0.5)
    assert order(kind="goal", x=2.0, y=1.0, yaw=0.5).numbers == (2.0, 1.0, 0.5)
    assert math.isnan(order(kind="goal", x=2.0, y=1.0, yaw=None).numbers[2])
    assert order(kind="trigger", text="estop").name == "estop"
    assert order(kind="pause", on=True).on
    assert order(kind="time", factor=0.25).numbers == (0.25,)
    assert order(kind="seek", to=12.5).numbers == (12.5,)
    assert order(kind="evaluate").kind == "evaluate"


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "not JSON"),
        ("[]", "expected one of"),
        ('{"kind": ["say"]}', "expected one of"),
        ('{"kind": "format", "x": 1}', "expected one of"),
        ('{"kind": "say", "text": 5}', "expected words"),
        ('{"kind": "say", "text": " \\u0007 "}', "expected"),
        (json.dumps({"kind": "say", "text": "x" * (MAX_TEXT + 1)}), f"expected 1 to {MAX_TEXT}"),
        ('{"kind": "say", "text": "\\ud800"}', "expected"),
        ('{"kind": "velocity", "x": NaN, "y": 0, "yaw": 0}', "x: got"),
        ('{"kind": "velocity", "x": 1e999, "y": 0, "yaw": 0}', "x: got"),
        ('{"kind": "velocity", "x": true, "y": 0, "yaw": 0}', "x: got"),
        ('{"kind": "velocity", "x": "1", "y": 0, "yaw": 0}', "x: got"),
        ('{"kind": "velocity", "x": 1}', "y: got 'None'"),
        ('{"kind": "goal", "x": 1e5, "y": 0, "yaw": null}', "x: got"),
        ('{"kind": "trigger", "text": "set_pause"}', "expected one of estop"),
        ('{"kind": "time", "factor": 1e9}', "factor: got"),
        ('{"kind": "seek"}', "to: got 'None'"),
        ('{"kind": "pause", "on": 1}', "expected true or false"),
    ],
)
def test_bad_orders_are_refused_with_a_reason(text, reason):
    with pytest.raises(ConfigurationError, match=reason.replace("[", "\\[")):
        read_order(text)


json_values = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(
    st.binary()
    | st.text()
    | st.fixed_dictionaries({"kind": st.sampled_from(list(READERS))}, optional=dict.fromkeys(("text", "x", "y", "yaw", "on", "ticks"), json_values)).map(
        json.dumps
    )
)
def test_whatever_comes_is_an_order_or_a_refusal(message):
    try:
        result = read_order(message)
    except ConfigurationError:
        return
    assert all(math.isfinite(v) for v in result.numbers[:2])
    result.text.encode()
