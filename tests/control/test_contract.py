"""The contract: exact round trip, refusal of what it cannot be, and the difference from a body."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinesis_control.contract import ActionSpec, Contract, GoldenSample, ObservationTerm, difference, read_contract
from kinesis_control.errors import ContractError, UnavailableError
from kinesis_control.muscles import MuscleLayout


def test_json_round_trip_is_exact(contract):
    again = Contract.from_json(contract.to_json())
    assert again == contract
    assert again.to_json() == contract.to_json()
    assert again.scores["stand_60s"] == 0.1 + 0.2


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_golden_floats_survive_to_the_last_bit(values):
    sample = GoldenSample(observation=values, action=values)
    text = json.dumps(sample.observation)
    assert tuple(json.loads(text)) == sample.observation


def test_numpy_values_and_whole_numbers_become_plain_floats(contract):
    changed = replace(contract, control_rate_hz=np.float32(50), physics_rate_hz=200, reference_offsets_s=np.array([0.0, 0.5]))
    assert type(changed.control_rate_hz) is float
    assert changed.reference_offsets_s == (0.0, 0.5)
    assert Contract.from_json(changed.to_json()) == changed


def test_unknown_schema_version_is_refused_with_the_known_ones(contract):
    data = json.loads(contract.to_json()) | {"schema_version": 7, "invented_later": 1}
    with pytest.raises(ContractError, match=r"got 7, known: 1"):
        Contract.from_json(json.dumps(data))


@pytest.mark.parametrize("key", ["name", "muscle_names", "golden", "action", "scores"])
def test_missing_key_is_named(contract, key):
    data = json.loads(contract.to_json())
    del data[key]
    with pytest.raises(ContractError, match=f"missing keys: \\['{key}'\\]"):
        Contract.from_json(json.dumps(data))


def test_unknown_key_is_named(contract):
    data = json.loads(contract.to_json())
    data["action"]["gain"] = 2
    with pytest.raises(ContractError, match=r"action: .*unknown keys: \['gain'\]"):
        Contract.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name: got ''"),
        ({"name": 3}, "name: got 3"),
        ({"muscle_names": ("a", "a", "b")}, r"repeated: \['a'\]"),
        ({"muscle_names": "abc"}, "expected a list"),
        ({"muscle_names": ("extensor", "flexor", "rotator")}, "layout_hash: got"),
        ({"layout_hash": "0" * 16}, "layout_hash: got"),
        ({"control_rate_hz": 0}, "control_rate_hz: got 0"),
        ({"control_rate_hz": float("nan")}, "control_rate_hz: got nan"),
        ({"control_rate_hz": True}, "control_rate_hz: got True"),
        ({"physics_rate_hz": 90.0}, "whole multiple"),
        ({"observation": ()}, "observation terms"),
        ({"observation": (ObservationTerm(name="root_height", size=13),) * 2}, r"repeated: \['root_height'\]"),
        ({"reference_offsets_s": (0.2, 0.2)}, "increasing"),
        ({"reference_offsets_s": (-0.1, 0.2)}, "none negative"),
        ({"training": {"path": object()}}, "training: got something that JSON cannot hold"),
        ({"scores": {"x": float("inf")}}, "scores"),
        ({"golden": GoldenSample(observation=(0.0,) * 12, action=(0.0,) * 3)}, "golden observation: got 12 values, expected 13"),
        ({"golden": GoldenSample(observation=(0.0,) * 13, action=(0.0,) * 2)}, "golden action: got 2 values, expected 3"),
        ({"schema_version": True}, "schema version: got True"),
    ],
)
def test_wrong_values_are_refused(contract, change, message):
    with pytest.raises(ContractError, match=message):
        replace(contract, **change)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ObservationTerm(name="x", size=0), "size of term 'x': got 0"),
        (lambda: ObservationTerm(name="x", size=1.0), "size of term 'x': got 1.0"),
        (lambda: ObservationTerm(name="x", size=1, scale=-1.0), "scale of term 'x': got -1.0"),
        (lambda: ActionSpec(mode="torque", slew_per_s=1.0), "got 'torque', expected one of excitation"),
        (lambda: ActionSpec(low=1.0, high=1.0, slew_per_s=1.0), "expected low < high"),
        (lambda: ActionSpec(slew_per_s=0.0), "slew_per_s: got 0.0"),
        (lambda: GoldenSample(observation=(float("nan"),), action=(0.0,)), r"golden observation\[0\]: got nan"),
    ],
)
def test_wrong_parts_are_refused(build, message):
    with pytest.raises(ContractError, match=message):
        build()


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"schema_version": 1, "name": NaN}', "\x00"])
def test_text_that_is_no_contract(text):
    with pytest.raises(ContractError, match="contract"):
        Contract.from_json(text)


def test_same_body_has_no_difference(contract, body):
    assert difference(contract, body) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": "legs80"}, ["body: the policy was made for 'tripod', got 'legs80'"]),
        ({"model_hash": "f"}, ["model hash: the policy was made for '0123456789abcdef', got 'f'"]),
        ({"muscles": MuscleLayout(names=("flexor", "rotator", "extensor"))}, ["muscles: same 3 muscles in another order", "layout hash: "]),
        ({"muscles": MuscleLayout(names=("flexor", "extensor"))}, ["muscles: expected 3 muscles, got 2; missing: ['rotator']", "layout hash: "]),
        ({"joint_names": ("knee", "hip")}, ["joints: same 2 names in another order; first at index 0: expected 'hip', got 'knee'"]),
        ({"joint_names": ("hip",)}, ["joints: expected 2, got 1; missing: ['knee']; unexpected: []"]),
        ({"joint_names": ("hip", "knee", "knee")}, ["joints: expected 2, got 3; missing: []; unexpected: ['knee']"]),
        ({"contact_names": ("toe",)}, ["contacts: expected 1, got 1; missing: ['heel']; unexpected: ['toe']"]),
    ],
)
def test_each_difference_is_one_line(contract, body, change, expected):
    lines = difference(contract, replace(body, **change))
    assert len(lines) == len(expected)
    assert all(line.startswith(start) for line, start in zip(lines, expected, strict=True)), lines


def test_every_difference_is_told_at_once(contract, body):
    other = replace(body, name="x", model_hash="y", muscles=MuscleLayout(names=("z",)), joint_names=(), contact_names=())
    assert [line.split(":")[0] for line in difference(contract, other)] == ["body", "model hash", "muscles", "layout hash", "joints", "contacts"]


def test_contract_is_read_from_the_file(graph, write, sound):
    assert read_contract(write(graph(), sound)) == sound


def test_foreign_file_is_refused_with_what_it_holds(graph, write):
    with pytest.raises(ContractError, match=r"policy.onnx': no contract inside.*found: author"):
        read_contract(write(graph(), metadata={"author": "x"}))


def test_file_that_is_not_onnx(tmp_path):
    path = tmp_path / "policy.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ContractError, match="is not an ONNX file that can be run"):
        read_contract(path)


def test_missing_file(tmp_path):
    with pytest.raises(UnavailableError, match="No such file"):
        read_contract(tmp_path / "absent.onnx")
