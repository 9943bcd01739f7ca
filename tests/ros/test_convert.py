"""Messages and dataclasses say the same, on the wire too."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("kinesis_msgs.msg")

from kinesis_msgs import msg
from rclpy.serialization import deserialize_message, serialize_message

from kinesis_control.body_state import BodyState
from kinesis_control.errors import LayoutError
from kinesis_control.reference import ReferenceWindow
from kinesis_control.ros import convert
from kinesis_control.safety.limits import Command

OFFSETS = np.array([0.1, 0.3])


@pytest.fixture
def body(tripod):
    return replace(tripod, key_body_names=("pelvis", "foot"))


def fill(dataclass_instance, rng):
    for name, value in vars(dataclass_instance).items():
        if isinstance(value, np.ndarray) and name != "time_offsets":
            value[...] = rng.normal(size=value.shape)
    return dataclass_instance


def wire(message):
    return deserialize_message(serialize_message(message), type(message))


def assert_same(first, second):
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(second, name), err_msg=name)


def test_body_state_there_and_back(body):
    state = fill(BodyState.zeros(body), np.random.default_rng(1))
    state.seq, state.stamp_ns, state.episode, state.fallen = 2**40, 3_000_000_001, 7, True
    message = wire(convert.BodyStateWriter(body).write(state))
    assert (message.root_pose.orientation.w, message.root_pose.orientation.x) == tuple(state.root_quaternion[:2])
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (3, 1)
    assert_same(convert.read_body_state(message, body.muscles.hash, BodyState.zeros(body)), state)


def test_a_writer_is_used_again_without_a_trace_of_the_last_state(body):
    writer = convert.BodyStateWriter(body)
    writer.write(fill(BodyState.zeros(body), np.random.default_rng(1)))
    second = fill(BodyState.zeros(body), np.random.default_rng(2))
    assert_same(convert.read_body_state(wire(writer.write(second)), body.muscles.hash, BodyState.zeros(body)), second)


def test_reference_there_and_back(body):
    window = fill(ReferenceWindow.zeros(body, OFFSETS, key_bodies=2), np.random.default_rng(3))
    window.seq, window.stamp_ns, window.motion = 5, 125_000_000, "walk"
    message = wire(convert.ReferenceWriter(body, window).write(window))
    assert message.root_orientations[3] == window.root_quaternion[0, 0]
    out = ReferenceWindow.zeros(body, OFFSETS)
    assert_same(convert.read_reference(message, body.muscles.hash, out), window)


def test_reference_at_other_times_is_refused(body):
    window = ReferenceWindow.zeros(body, OFFSETS)
    message = convert.ReferenceWriter(body, window).write(window)
    with pytest.raises(LayoutError, match="expected"):
        convert.read_reference(message, body.muscles.hash, ReferenceWindow.zeros(body, OFFSETS * 2))


@pytest.mark.parametrize("field", ["muscle_lengths", "joint_positions", "contact_forces"])
def test_state_of_another_size_is_refused(body, field):
    message = wire(convert.BodyStateWriter(body).write(BodyState.zeros(body)))
    setattr(message, field, [0.0] * 9)
    with pytest.raises(LayoutError, match=field):
        convert.read_body_state(message, body.muscles.hash, BodyState.zeros(body))


def test_state_of_another_layout_is_refused(body):
    message = convert.BodyStateWriter(body).write(BodyState.zeros(body))
    with pytest.raises(LayoutError, match="fedcba"):
        convert.read_body_state(message, "fedcba", BodyState.zeros(body))


def test_command_carries_what_it_answers(body):
    state = BodyState.zeros(body)
    state.seq, state.stamp_ns = 9, 225_000_000
    message = wire(convert.CommandWriter(body, "me", 0.1).write(np.array([0.1, 0.2, 0.3]), state))
    command = convert.read_command(message)
    assert isinstance(command, Command)
    assert (command.seq, command.stamp_ns, command.commander, command.mode) == (9, 225_000_000, "me", msg.MuscleCommand.EXCITATION)
    assert command.layout_hash == body.muscles.hash and command.valid_for_s == pytest.approx(0.1)
    assert command.values.tolist() == [0.1, 0.2, 0.3]


def test_layout_there_and_back(body):
    assert convert.read_layout(wire(convert.layout_message(body))) == body


def test_layout_with_a_wrong_hash_is_refused(body):
    message = convert.layout_message(body)
    message.muscle_names = list(reversed(message.muscle_names))
    with pytest.raises(LayoutError, match=body.muscles.hash):
        convert.read_layout(message)
