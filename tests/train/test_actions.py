"""kinesis_train/actions.py: the muscle model and the length servo against MuJoCo's own functions and the published formula, one muscle at a time."""

import mujoco
import numpy as np
import onnxruntime
import pytest
import torch

from kinesis_control.errors import UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_train.actions import ACTIONS, MuscleModel, length_servo, make_decoder, standing_lengths
from kinesis_train.env import WalkEnv
from kinesis_train.export import largest_error
from kinesis_train.symmetry import Mirror
from kinesis_train.walk import build_policy


def states(body: Body, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actions, lengths and velocities that reach every branch of the muscle model."""
    rng, span = np.random.default_rng(0), body.model.actuator_lengthrange
    length = rng.uniform(span[:, 0] - 0.1 * np.diff(span)[:, 0], span[:, 1] + 0.3 * np.diff(span)[:, 0], (n, len(span)))
    velocity = rng.choice([0.0, 0.1, 2.0, 10.0], (n, len(span))) * rng.standard_normal((n, len(span)))
    return rng.uniform(-1.2, 1.2, (n, len(span))), length, velocity


def by_mujoco(body: Body, i: int, length: float, velocity: float) -> tuple[float, float]:
    """Gain and bias of muscle i from MuJoCo itself."""
    m = body.model
    gain = mujoco.mju_muscleGain(length, velocity, m.actuator_lengthrange[i], m.actuator_acc0[i], m.actuator_gainprm[i, :9])
    return gain, mujoco.mju_muscleBias(length, m.actuator_lengthrange[i], m.actuator_acc0[i], m.actuator_biasprm[i, :9])


def test_muscle_model_is_that_of_mujoco(legs: Body) -> None:
    _, length, velocity = states(legs, 40)
    model = MuscleModel(legs, torch.float64)
    gain, bias = (x.numpy() for x in model.gain_and_bias(torch.from_numpy(length), torch.from_numpy(velocity)))
    expected = np.array([[by_mujoco(legs, i, length[k, i], velocity[k, i]) for i in range(80)] for k in range(40)])
    peak = model.peak.numpy()
    np.testing.assert_allclose(gain / peak, expected[..., 0] / peak, atol=1e-9)
    np.testing.assert_allclose(bias / peak, expected[..., 1] / peak, atol=1e-9)
    assert (expected[..., 1] < 0.0).any() and (expected[..., 0] == 0.0).any()  # stretched muscles, and some that give nothing


def test_length_servo_is_the_published_formula(legs: Body) -> None:
    action, length, velocity = states(legs, 40)
    model = MuscleModel(legs, torch.float64)
    got = length_servo(model, *(torch.from_numpy(a) for a in (action, length, velocity))).numpy()
    longest, peak = legs.model.actuator_lengthrange[:, 1], model.peak.numpy()
    for k in range(40):
        for i in range(80):
            gain, bias = by_mujoco(legs, i, length[k, i], velocity[k, i])
            kp = 5.0 * peak[i]
            force = min(max(kp * ((action[k, i] + 1.0) / 2.0 * longest[i] - length[k, i]) - 0.1 * kp * velocity[k, i], -peak[i]), 0.0)
            assert got[k, i] == pytest.approx(min(max((force - bias) / min(-1.0, gain), 0.0), 1.0), abs=1e-6)
    assert (got > 0.0).mean() > 0.2 and (got < 1.0).any()


def test_direct_and_residual_are_their_formulas(legs: Body) -> None:
    direct, residual = make_decoder("direct", legs, 7), make_decoder("residual", legs, 7)
    tail, context = torch.rand(3, direct.tail), torch.rand(3, 7)
    action = torch.linspace(-2.0, 2.0, 240).reshape(3, 80)
    torch.testing.assert_close(direct(tail, context, action), ((action + 1.0) / 2.0).clamp(0.0, 1.0))
    joints = 0.1 * torch.randn(3, 14)
    alone = residual.drive(tail, context, joints)
    torch.testing.assert_close(residual(tail, context, torch.cat([joints, action], 1)), (alone + 0.1 * action).clamp(0.0, 1.0))


def test_a_standing_body_is_left_relaxed_by_the_length_servo_at_rest(legs: Body) -> None:
    decoder = make_decoder("length", legs, 7)
    tail = torch.zeros(1, decoder.tail)
    tail[0, :80] = torch.from_numpy(standing_lengths(legs)).float()
    assert decoder(tail, torch.zeros(1, 7), decoder.rest[None]).max() < 1e-3


@pytest.mark.parametrize("action", ACTIONS)
def test_every_kind_goes_from_observation_to_excitation_in_one_graph(env: WalkEnv, legs: Body, action: str) -> None:
    torch.manual_seed(0)
    policy = build_policy(legs, env, (8,), action).eval()
    for parameter in policy.actor.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    from kinesis_train.export import _to_onnx

    content = _to_onnx(policy, env.observation[:1])
    assert onnxruntime.InferenceSession(content).get_outputs()[0].shape == [1, 80]
    assert largest_error(policy, content, env.observation) < 1e-5
    excitation = policy(torch.from_numpy(env.observation))
    assert excitation.std() > 1e-4 and excitation.min() >= 0.0 and excitation.max() <= 1.0
    assert Mirror(legs, env.builder.terms).action(policy.offsets(torch.from_numpy(env.observation))).shape[1] == policy.decoder.outputs


def test_unknown_kinds_are_refused_with_the_known_ones(legs: Body) -> None:
    with pytest.raises(UnknownNameError, match="structured, residual, direct, length"):
        make_decoder("torque", legs, 7)
