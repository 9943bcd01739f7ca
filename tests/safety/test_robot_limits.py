"""The limits of a robot, as properties: for any command, sensor and state of things."""

import json
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.safety.robot_limits import NEW_ROBOT_CAP, LimitWork, RobotLimits, Sensed, limit_pressures
from kinesis_control.safety.robot_limits_file import ENTRIES, FORMAT, MUSCLE_ENTRIES, checksum_of, read_limits, schema, write_limits

N, FULL, DT = 5, 700e3, 0.002
LAYOUT, JOINTS = MuscleLayout(names=tuple("abcde")), ("hip", "knee")


def limits(**changes):
    values = {
        "full_pressure_pa": np.full(N, FULL), "cap": 0.6, "slew_up_pa_s": np.full(N, 20e6), "slew_down_pa_s": np.full(N, 30e6),
        "max_tension_n": np.full(N, 100.0), "groups": np.array([[1, 1, 0, 0, 0], [0, 1, 1, 1, 0]], dtype=bool),
        "group_mean": np.array([0.4, 0.3]), "drives": np.array([[1.0, -1, 0, 0, 0], [0, 0, 1, -1, 0]]), "joint_low": np.array([-1.0, 0.0]),
        "joint_high": np.array([1.0, 2.0]), "fill_l_per_pa": np.full(N, 1e-7), "flow_l_s": 20.0,
    }  # fmt: skip
    return RobotLimits(**{**values, **changes})


LIMITS = limits()
HIGHEST = LIMITS.cap * FULL
anything = st.floats(allow_nan=True, allow_infinity=True, width=64)
wanted_values = arrays(float, N, elements=st.floats(-1e6, 3e6))
sent_values = arrays(float, N, elements=st.floats(0.0, HIGHEST))
sensors = st.builds(
    Sensed,
    arrays(float, N, elements=st.one_of(st.floats(0.0, 500.0), st.just(np.nan))),
    arrays(float, N, elements=st.one_of(st.floats(-20.0, 120.0), st.just(np.nan))),
    arrays(float, 2, elements=st.one_of(st.floats(-3.0, 3.0), st.just(np.nan))),
    arrays(float, 2, elements=st.one_of(st.floats(-50.0, 50.0), st.just(np.nan))),
    arrays(float, N, elements=st.one_of(st.floats(0.0, 1e-3), st.just(np.nan))),
)
IDLE = Sensed(np.zeros(N), np.full(N, 25.0), np.array([0.0, 1.0]), np.zeros(2), np.full(N, np.nan))


def run(wanted, previous, sensed=IDLE, rules=LIMITS):
    work = LimitWork(rules)
    counts = limit_pressures(wanted, previous, sensed, rules, DT, work)
    return work.out.copy(), counts


@given(wanted=arrays(float, N, elements=anything), previous=sent_values, sensed=sensors)
def test_never_beyond_never_nan(wanted, previous, sensed):
    out, counts = run(wanted, previous, sensed)
    assert np.isfinite(out).all() and (out >= 0.0).all() and (out <= HIGHEST).all()
    assert counts.finite == bool(np.isfinite(wanted).all())
    assert (out <= previous + LIMITS.slew_up_pa_s * DT + 1e-6).all()
    assert (out >= np.maximum(previous - LIMITS.slew_down_pa_s * DT, 0.0) - 1e-6).all()
    assert LIMITS.fill_l_per_pa @ np.maximum(out - previous, 0.0) <= LIMITS.flow_l_s * DT * (1 + 1e-9)


@given(wanted=wanted_values, previous=sent_values, sensed=sensors, muscle=st.integers(0, N - 1), more=st.floats(0.0, 1e6))
def test_more_asked_for_is_never_less_given(wanted, previous, sensed, muscle, more):
    before, _ = run(wanted, previous, sensed)
    raised = wanted.copy()
    raised[muscle] += more
    after, _ = run(raised, previous, sensed)
    assert after[muscle] >= before[muscle] - 1e-6 * FULL


@given(wanted=wanted_values, previous=sent_values, sensed=sensors)
def test_applied_again_it_changes_nothing(wanted, previous, sensed):
    once, _ = run(wanted, previous, sensed)
    twice, _ = run(once, previous, sensed)
    np.testing.assert_allclose(twice, once, atol=1e-6 * FULL)


@given(previous=sent_values, sensed=sensors)
def test_less_pressure_is_always_to_be_had(previous, sensed):
    out, _ = run(np.zeros(N), previous, sensed)
    np.testing.assert_allclose(out, np.maximum(previous - LIMITS.slew_down_pa_s * DT, 0.0), atol=1e-6)


@settings(max_examples=25)
@given(wanted=wanted_values)
def test_cocontraction_stays_below_its_limit_over_time(wanted):
    previous = np.zeros(N)
    work = LimitWork(LIMITS)
    for _ in range(40):
        limit_pressures(wanted, previous, IDLE, LIMITS, DT, work)
        previous = work.out.copy()
        for members, mean in zip(LIMITS.groups, LIMITS.group_mean, strict=True):
            assert previous[members].mean() / FULL <= mean + 1e-9


def test_a_new_robot_gets_a_third():
    rules = RobotLimits.uniform(N, slew_pa_s=1e12)
    sensed = IDLE._replace(joint_position=np.zeros(0), joint_velocity=np.zeros(0))
    out, counts = run(np.full(N, FULL), np.zeros(N), sensed, rules)
    np.testing.assert_allclose(out, NEW_ROBOT_CAP * FULL)
    assert NEW_ROBOT_CAP == 0.3 and counts.capped == N


def test_each_step_by_what_it_holds_back():
    loose = {"groups": np.zeros((0, N), bool), "group_mean": np.zeros(0), "slew_up_pa_s": np.full(N, 1e12), "flow_l_s": np.inf, "cap": 1.0}
    rules = limits(**loose)
    everything = np.full(N, FULL)
    # the model says 1 mN/Pa: 100 N at 100 kPa
    assert run(everything, np.zeros(N), IDLE._replace(force_per_pa=np.full(N, 1e-3)), rules)[0] == pytest.approx(np.full(N, 100e3))
    # the sensor says 200 N at 300 kPa: half of it
    assert run(everything, np.full(N, 300e3), IDLE._replace(tension_n=np.full(N, 200.0)), limits(**loose, slew_down_pa_s=np.full(N, 1e12)))[0] == pytest.approx(
        150e3
    )
    # half way between warm and hot
    out, counts = run(everything, np.zeros(N), IDLE._replace(temperature_c=np.full(N, 67.5)), rules)
    assert out == pytest.approx(0.5 * FULL) and counts.thermal == N
    # the hip at its upper stop: what drives it there gets nothing, what drives it back gets all
    out, counts = run(everything, np.zeros(N), IDLE._replace(joint_position=np.array([1.0, 1.0])), rules)
    assert out == pytest.approx([0.0, FULL, FULL, FULL, FULL]) and counts.joint == 1
    # on its way there, 0.05 s ahead
    assert run(everything, np.zeros(N), IDLE._replace(joint_velocity=np.array([18.5, 0.0])), rules)[0][0] == pytest.approx(FULL / 2)
    # a joint without a reading: a third for both sides
    assert run(everything, np.zeros(N), IDLE._replace(joint_position=np.array([np.nan, 1.0])), rules)[0] == pytest.approx([0.3 * FULL] * 2 + [FULL] * 3)
    # the supply gives 0.01 l in 2 ms, all together would need 0.35 l
    assert run(everything, np.zeros(N), IDLE, limits(**{**loose, "flow_l_s": 5.0}))[0] == pytest.approx(0.01 / 0.35 * FULL)


@pytest.mark.parametrize(
    "change",
    [
        {"cap": 0.0}, {"cap": 1.01}, {"full_pressure_pa": np.full(N, np.nan)}, {"slew_up_pa_s": np.zeros(N)}, {"slew_down_pa_s": np.ones(3)},
        {"max_tension_n": np.full(N, -1.0)}, {"group_mean": np.array([0.4, 0.0])}, {"joint_low": np.array([2.0, 0.0])}, {"guard_rad": 0.0},
        {"warm_c": 80.0}, {"blind": 1.1}, {"fill_l_per_pa": np.full(N, -1.0)}, {"flow_l_s": 0.0}, {"drives": np.zeros((1, N))},
    ],
)  # fmt: skip
def test_limits_out_of_their_range(change):
    with pytest.raises(ConfigurationError):
        limits(**change)


# -- the file ---------------------------------------------------------------------------------------------------------


def document(**changes):
    return {
        "format": FORMAT, "serial": 7, "layout_hash": LAYOUT.hash, "cap": 0.5, "max_tension_n": {"default": 300.0, "c": 50.0},
        "groups": [{"name": "hip", "muscles": ["a", "b"], "mean": 0.5}],
        "joints": [{"name": "knee", "low_rad": 0.0, "high_rad": 2.0, "towards_low": ["d"], "towards_high": ["c"]}],
        **changes,
    }  # fmt: skip


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "limits.json"
    write_limits(path, document())
    found = read_limits(path, LAYOUT, JOINTS, serial=7)
    assert found.cap == 0.5 and list(found.max_tension_n) == [300.0, 300.0, 50.0, 300.0, 300.0]
    assert found.groups.tolist() == [[True, True, False, False, False]] and found.group_mean.tolist() == [0.5]
    assert found.drives[1].tolist() == [0.0, 0.0, 1.0, -1.0, 0.0] and found.joint_high.tolist() == [np.inf, 2.0]
    assert found.full_pressure_pa[0] == MUSCLE_ENTRIES["full_pressure_pa"].default


def test_a_file_without_a_cap_is_of_a_new_robot(tmp_path):
    short = document()
    del short["cap"]
    write_limits(tmp_path / "limits.json", short)
    assert read_limits(tmp_path / "limits.json", LAYOUT, JOINTS, serial=7).cap == 0.3


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"cap": 1.5}, ConfigurationError, "cap: got 1.5"),
        ({"cap": True}, ConfigurationError, "cap"),
        ({"cap": "0.5"}, ConfigurationError, "cap"),
        ({"pressure": 1.0}, UnknownNameError, "pressure"),
        ({"max_tension_n": {"default": 1.0, "z": 1.0}}, UnknownNameError, "muscle 'z'"),
        ({"max_tension_n": {"a": 1.0}}, ConfigurationError, "default"),
        ({"joints": [{"name": "elbow", "low_rad": 0, "high_rad": 1, "towards_low": [], "towards_high": []}]}, UnknownNameError, "elbow"),
        ({"joints": [{"name": "knee"}]}, ConfigurationError, "joint 0"),
        ({"groups": [{"name": "x", "muscles": ["a"]}]}, ConfigurationError, "group 0"),
        ({"format": "other/1"}, ConfigurationError, "format"),
        ({"serial": 8}, ConfigurationError, "for robot 8"),
        ({"layout_hash": "0" * 16}, ConfigurationError, "layout 0000"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, change, error, words):
    write_limits(tmp_path / "limits.json", document(**change))
    with pytest.raises(error, match=words):
        read_limits(tmp_path / "limits.json", LAYOUT, JOINTS, serial=7)


def test_a_file_that_was_touched_is_refused(tmp_path):
    path = tmp_path / "limits.json"
    write_limits(path, document())
    path.write_text(path.read_text().replace('"cap": 0.5', '"cap": 0.9'))
    with pytest.raises(ConfigurationError, match="changed since"):
        read_limits(path, LAYOUT, JOINTS, serial=7)
    path.write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_limits(path, LAYOUT, JOINTS, serial=7)


def test_the_published_schema_is_the_one_of_the_code():
    folder = Path(__file__).resolve().parents[2] / "kinesis_control" / "drivers" / "data"
    assert json.loads((folder / "robot_limits.schema.json").read_text()) == schema()
    assert set(ENTRIES) | set(MUSCLE_ENTRIES) < set(schema()["properties"])
    assert checksum_of(document()) == checksum_of({**document(), "checksum": "sha256:0"})
