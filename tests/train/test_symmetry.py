"""kinesis_train/symmetry.py: mirrored physics gives the mirrored observation."""

import numpy as np
import torch

from kinesis_train.env import WalkEnv, observation_terms
from kinesis_train.symmetry import Mirror


def mirror_member(env: WalkEnv, source: int, target: int) -> None:
    """Make member `target` the mirror image of member `source`, body and reference alike, through y -> -y."""
    p, body, m = env.physics, env.body, env.body.mirror
    qpos, qvel = p.qpos[source].copy(), p.qvel[source].copy()
    qpos[1] *= -1.0
    # The root of the model is base_link turned by a fixed yaw: mirror the orientation of base_link.
    w, x, y, z = env.state.root_quaternion[source]
    qpos[3:7] = body.root_quaternion_from_base(np.array([w, -x, y, -z]))
    qvel[1] *= -1.0
    yaw = body.entry.forward_yaw
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])  # root axes -> base axes
    base = np.r_[turn @ qvel[3:5], qvel[5]] * (-1.0, 1.0, -1.0)
    qvel[3:6] = np.r_[turn.T @ base[:2], base[2]]
    qpos[body.joint_qpos_adr] = m.joint_sign * qpos[body.joint_qpos_adr][m.joints]
    qvel[body.joint_dof_adr] = m.joint_sign * qvel[body.joint_dof_adr][m.joints]
    body.coupling.fill(qpos)
    body.coupling.fill_velocity(qpos, qvel)
    p.qpos[target], p.qvel[target], p.act[target] = qpos, qvel, p.act[source][m.muscles]
    gen = env.generator
    for array in (gen.velocity, gen.ramp, gen.held):
        array[target] = array[source] * (1.0, -1.0, -1.0)
    gen.rate[target], gen.stopping[target] = gen.rate[source], gen.stopping[source]
    command = env.commands.command
    command.speed[target] = command.speed[source]
    for array in (gen.yaw, command.lateral, command.yaw_rate):
        array[target] = -array[source]
    gen.phase[target] = (gen.phase[source] + 0.5) % 1.0
    gen.position[target] = gen.position[source] * (1.0, -1.0)


def test_mirrored_physics_gives_the_mirrored_observation(env: WalkEnv) -> None:
    mirror = Mirror(env.body, observation_terms(env.body))
    walking = np.array([0])
    env.commands.draw(walking, stand_share=0.0)
    env.generator.velocity[0] = env.generator.ramp[0] = (0.9, 0.0, 0.2)
    mirror_member(env, 0, 1)
    excitation = np.random.default_rng(0).uniform(0.0, 0.3, (4, 80))
    excitation[1] = excitation[0][env.body.mirror.muscles]
    env.physics.step(excitation)
    env.generator.update(env.state, env.commands.command, 0.025)
    env._observe()
    mirrored = mirror.observation(torch.from_numpy(env.observation[:1]))[0].numpy()
    difference = np.abs(mirrored - env.observation[1])
    assert difference.max() < 0.05, {k: difference[s].max() for k, s in env.builder.slices.items() if difference[s].max() > 0.05}


def test_mirroring_twice_changes_nothing(env: WalkEnv) -> None:
    mirror = Mirror(env.body, observation_terms(env.body))
    x, a = torch.from_numpy(env.observation), torch.randn(4, 14)
    assert torch.equal(mirror.observation(mirror.observation(x)), x)
    assert torch.equal(mirror.action(mirror.action(a)), a)
