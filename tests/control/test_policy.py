"""Loading refuses every file that must not run; running gives the network's answer or a named fault, never a NaN."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from kinesis_control.body_state import BodyState
from kinesis_control.contract import GoldenSample, ObservationTerm
from kinesis_control.errors import ContractError, UnavailableError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.onnx_file import require_finite_weights
from kinesis_control.policy import Policy, PolicyFaultError
from kinesis_control.reference import ReferenceWindow
from kinesis_control.safety.faults import Fault


@pytest.fixture
def policy(graph, write, sound, body):
    return Policy.load(write(graph(), sound), body)


@pytest.fixture
def state(body):
    rng = np.random.default_rng(3)
    state = BodyState.zeros(body)
    for name in ("root_position", "joint_position", "muscle_length"):
        getattr(state, name)[:] = rng.normal(size=getattr(state, name).shape)
    return state


@pytest.fixture
def reference(body, contract):
    window = ReferenceWindow.zeros(body, np.array(contract.reference_offsets_s))
    window.joint_position[:] = [[0.1, 0.2], [0.3, 0.4]]
    return window


def observation(state, reference, previous):
    return np.concatenate([state.root_position[2:] * 0.1, state.joint_position, state.muscle_length / 3, previous, reference.joint_position.ravel()])


def test_the_answer_is_that_of_the_network(policy, state, reference, answer):
    first = policy.act(state, reference).copy()
    np.testing.assert_allclose(first, answer(observation(state, reference, np.zeros(3))), atol=1e-6)
    second = policy.act(state, reference).copy()
    np.testing.assert_allclose(second, answer(observation(state, reference, first)), atol=1e-6)
    assert not np.allclose(first, second)


def test_reset_and_a_new_episode_forget_the_previous_action(policy, state, reference):
    first = policy.act(state, reference).copy()
    policy.act(state, reference)
    policy.reset()
    np.testing.assert_array_equal(policy.act(state, reference), first)
    policy.act(state, reference)
    state.episode += 1
    np.testing.assert_array_equal(policy.act(state, reference), first)


def test_hash_is_that_of_the_file(policy):
    assert policy.sha256 == hashlib.sha256(policy.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_state_that_is_not_finite_is_named(policy, state, reference, value):
    before = policy.act(state, reference).copy()
    state.muscle_tension[1] = value  # not even part of this observation
    with pytest.raises(PolicyFaultError, match="'muscle_tension' of state 0") as caught:
        policy.act(state, reference)
    assert caught.value.fault is Fault.NON_FINITE_STATE
    state.muscle_tension[1] = 0.0
    policy.reset()
    np.testing.assert_array_equal(policy.act(state, reference), before)


def test_a_reference_that_is_not_finite_is_named(policy, state, reference):
    reference.joint_position[1, 0] = np.nan
    with pytest.raises(PolicyFaultError) as caught:
        policy.act(state, reference)
    assert caught.value.fault is Fault.NON_FINITE_REFERENCE
    assert np.isfinite(policy._action).all()


def test_an_answer_that_is_not_finite_is_named_and_not_remembered(graph, write, sound, body, state, reference):
    from onnx import helper

    model = graph(output="sigmoid")  # 1 / (0.5 - observation[0]) after the network: infinite at a height of 5 m
    model.graph.output[0].name = "excitation"
    zero = helper.make_node("Constant", [], ["first"], value_ints=[0])
    pick = helper.make_node("Gather", ["observation", "first"], ["height"], axis=1)
    half = helper.make_node("Constant", [], ["half"], value_float=0.5)
    less = helper.make_node("Sub", ["half", "height"], ["gap"])
    sign = helper.make_node("Div", ["gap", "gap"], ["one"])  # 1 everywhere, NaN where the gap is 0
    model.graph.node.extend([zero, pick, half, less, sign, helper.make_node("Mul", ["sigmoid", "one"], ["excitation"])])
    policy = Policy.load(write(model, sound), body)
    before = policy.act(state, reference).copy()
    state.root_position[2] = 5.0
    with pytest.raises(PolicyFaultError) as caught:
        policy.act(state, reference)
    assert caught.value.fault is Fault.NON_FINITE_POLICY
    np.testing.assert_array_equal(policy._action, before)


def test_another_body_is_refused_term_by_term(graph, write, sound, body):
    path = write(graph(), sound)
    other = replace(body, model_hash="other", muscles=MuscleLayout(names=("flexor", "rotator", "extensor")))
    with pytest.raises(ContractError, match=r"(?s)does not fit.*\n  model hash: .*\n  muscles: same 3 muscles in another order.*\n  layout hash"):
        Policy.load(path, other)
    Policy.load(path)  # without a body there is nothing to compare with


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["raw", "float_data", "double", "half", "constant", "attribute"])
def test_weights_that_are_not_finite_are_refused_however_they_are_stored(graph, write, sound, weights, value, where):
    from onnx import TensorProto, helper, numpy_helper

    weight, bias = weights[0].copy(), weights[1].copy()
    bad = np.array([0.0, value, 0.0])
    model = graph(weight, bias)
    if where == "raw":
        model.graph.initializer[1].CopyFrom(numpy_helper.from_array(bad.astype(np.float32), "b"))
    elif where == "float_data":
        model.graph.initializer[1].CopyFrom(helper.make_tensor("b", TensorProto.FLOAT, [3], bad))
    elif where in ("double", "half"):
        model.graph.initializer.append(numpy_helper.from_array(bad.astype(np.float64 if where == "double" else np.float16), "unused"))
    elif where == "constant":
        model.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(bad.astype(np.float32))))
    else:
        model.graph.node[0].attribute.append(helper.make_attribute("alpha", float(value)))
    with pytest.raises(ContractError, match="holds a NaN or an infinity"):
        Policy.load(write(model, sound))


def test_weights_in_another_file_are_refused(graph, write, sound):
    model = graph()
    tensor = model.graph.initializer.add(name="elsewhere", data_type=1, dims=[1], data_location=1)
    tensor.external_data.add(key="location", value="weights.bin")
    with pytest.raises(ContractError, match="kept in another file"):
        require_finite_weights(model.SerializeToString())
    with pytest.raises(ContractError):
        Policy.load(write(model, sound))


def test_weights_that_cannot_be_looked_at_are_refused(graph):
    from onnx import TensorProto, helper

    model = graph()
    model.graph.initializer.append(helper.make_tensor("small", TensorProto.BFLOAT16, [1], [1.0]))
    with pytest.raises(ContractError, match="weight 'small' is stored as ONNX type 16"):
        require_finite_weights(model.SerializeToString())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": "action"}, r"graph output: got action.*expected excitation: tensor\(float\) \[1, 3\]"),
        ({"batch": 2}, r"graph input: got observation: tensor\(float\) \[2, 13\], expected .*\[1, 13\]"),
        ({"batch": "n"}, r"graph input"),
        ({"kind": 11}, r"graph input: got observation: tensor\(double\)"),
    ],
)
def test_another_graph_is_refused(graph, write, sound, weights, change, message):
    if change.get("kind") == 11:
        change = change | {"weight": weights[0].astype(float), "bias": weights[1].astype(float)}
    with pytest.raises(ContractError, match=message):
        Policy.load(write(graph(**change), sound))


def test_observation_of_another_size_is_refused(graph, write, sound):
    terms = (*sound.observation, ObservationTerm(name="contact_force", size=1))
    larger = replace(sound, observation=terms, golden=GoldenSample(observation=(0.0,) * 14, action=(0.5,) * 3))
    with pytest.raises(ContractError, match=r"graph input: got .*\[1, 13\], expected .*\[1, 14\]"):
        Policy.load(write(graph(), larger))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ((ObservationTerm(name="smell", size=13),), "unknown observation term 'smell'"),
        ((ObservationTerm(name="muscle_length", size=13),), "'muscle_length' has size 13"),
    ],
)
def test_terms_that_the_body_cannot_give_are_refused(graph, write, sound, terms, message):
    with pytest.raises(ContractError, match=message):
        Policy.load(write(graph(), replace(sound, observation=terms)))


@pytest.mark.parametrize("error", [1e-4, -1e-4, 2e-5])
def test_golden_sample_that_is_not_met_is_refused(graph, write, sound, error):
    wrong = np.add(sound.golden.action, [0.0, error, 0.0])
    contract = replace(sound, golden=replace(sound.golden, action=wrong))
    with pytest.raises(ContractError, match=r"golden sample: got \|error\| .*\(muscle 'extensor'\)"):
        Policy.load(write(graph(), contract))


def test_changed_weights_are_found_by_the_golden_sample(graph, write, sound, weights):
    with pytest.raises(ContractError, match="golden sample"):
        Policy.load(write(graph(weights[0], weights[1] + np.float32(1e-3)), sound))


def test_foreign_and_missing_files(graph, write, tmp_path):
    with pytest.raises(ContractError, match="no contract inside: expected metadata key 'kinesis_contract'"):
        Policy.load(write(graph()))
    with pytest.raises(ContractError, match="contract is not JSON"):
        Policy.load(write(graph(), metadata={"kinesis_contract": "{"}))
    with pytest.raises(UnavailableError, match="No such file"):
        Policy.load(tmp_path / "absent.onnx")


def test_truncated_files_are_refused_at_every_length(graph, write, sound):
    path = write(graph(), sound)
    content = path.read_bytes()
    for length in [*range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ContractError):
            Policy.load(path)
