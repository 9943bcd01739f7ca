"""`kinesis policy`: what it prints, and that a mismatch ends with an exit code of its own."""

import json
from dataclasses import replace

import pytest

from kinesis_cli.main import main
from kinesis_control.contract import ActionSpec, Contract, GoldenSample, ObservationTerm
from kinesis_control.errors import ContractError

N = 80


@pytest.fixture
def made(tmp_path):
    """Writes a policy of constant excitation for the 80-muscle body and returns its path; keywords change the contract."""
    pytest.importorskip("mujoco")
    onnx = pytest.importorskip("onnx")
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    from kinesis_sim.bodies import load_body

    def write(**changes):
        contract = Contract.for_body(
            load_body("legs80").description,
            name="limp",
            control_rate_hz=40,
            physics_rate_hz=200,
            observation=(ObservationTerm(name="root_height", size=1),),
            reference_offsets_s=(),
            action=ActionSpec(slew_per_s=20.0),
            training={"data": "none"},
            scores={"walks": False},
            golden=GoldenSample(observation=(0.0,), action=(0.5,) * N),
        )
        nodes = [helper.make_node("Gemm", ["observation", "w"], ["y"]), helper.make_node("Sigmoid", ["y"], ["excitation"])]
        sizes = (("observation", 1), ("excitation", N))
        inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])] for name, size in sizes)
        weight = numpy_helper.from_array(np.zeros((1, N), dtype=np.float32), "w")
        model = helper.make_model(helper.make_graph(nodes, "limp", inputs, outputs, [weight]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        helper.set_model_props(model, replace(contract, **changes).to_metadata())
        path = tmp_path / "limp.onnx"
        onnx.save(model, path)
        return str(path)

    return write


def test_inspect_is_readable(made, capsys):
    assert main(["policy", "inspect", made()]) == 0
    text = capsys.readouterr().out
    for part in ("limp", "legs80", "80 (layout ", "control 40 Hz, physics 200 Hz", "root_height", 'data: "none"', "walks: false"):
        assert part in text


def test_inspect_as_json_is_the_contract(made, capsys):
    assert main(["policy", "inspect", made(), "--json"]) == 0
    assert Contract.from_json(capsys.readouterr().out).name == "limp"


def test_check_passes_for_its_body(made, capsys):
    assert main(["policy", "check", made(), "--body", "legs80"]) == 0
    assert "fits body 'legs80': 80 muscles" in capsys.readouterr().out


def test_check_tells_every_difference(made, capsys):
    assert main(["policy", "check", made(body="other", model_hash="0" * 16), "--body", "legs80"]) == ContractError.exit_code
    text = capsys.readouterr().err
    assert "body: the policy was made for 'other', got 'legs80'" in text
    assert "model hash: the policy was made for '0000000000000000'" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["policy", "inspect", "no-such-policy"], "unknown policy"),
        (["policy", "inspect", __file__], "is not an ONNX file"),
        (["policy", "check", __file__, "--body", "legs8"], "Did you mean 'legs80'"),
    ],
)
def test_bad_names_and_files(argv, message, capsys):
    assert main(argv) != 0
    assert message in capsys.readouterr().err


def test_json_is_indented_for_people(made, capsys):
    main(["policy", "inspect", made(), "--json"])
    text = capsys.readouterr().out
    assert json.dumps(json.loads(text), indent=2) == text.rstrip()
