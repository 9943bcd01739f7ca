"""Fits the decoder networks: muscle length over joint angles, and feed-forward activation over the reference."""

from collections.abc import Callable
from dataclasses import replace

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_control.motion.gait_table import GaitTable
from kinesis_sim.bodies import Body
from kinesis_train.clips import ClipBank
from kinesis_train.networks import Normalised

Array = NDArray[np.float64]
BATCH = 1024  # samples a gradient step
Sampler = Callable[[int], tuple[Tensor, Tensor]]


def muscle_lengths(body: Body, joints: Array) -> Array:
    """Musculotendon lengths (n, n_muscles) [m] at independent joint angles (n, n_joints), couplings filled in."""
    model, data = body.model, mujoco.MjData(body.model)
    qpos = np.tile(body.standing_qpos, (len(joints), 1))
    qpos[:, body.joint_qpos_adr] = joints
    body.coupling.fill(qpos)
    lengths = np.empty((len(joints), model.nu))
    for i, q in enumerate(qpos):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_tendon(model, data)
        mujoco.mj_transmission(model, data)
        lengths[i] = data.actuator_length
    return lengths


def fit(network: Normalised, sample: Sampler, *, steps: int, batch: int = BATCH, rate: float = 2e-3) -> float:
    """Least squares by Adam with a cosine rate; returns the root mean square error on fresh samples, in output units."""
    x, y = sample(16 * batch)
    network.calibrate(x, y)
    optimiser = torch.optim.Adam(network.net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=rate / 100)
    for _ in range(steps):
        x, y = sample(batch)
        loss = (((network(x) - y) / network.output_scale) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    x, y = sample(8 * batch)
    with torch.no_grad():
        error = (network(x) - y).pow(2).mean().sqrt().item()
    network.requires_grad_(False)
    return error


def length_sampler(body: Body, rng: np.random.Generator, count: int = 60_000) -> Sampler:
    """Samples of (joint angles, muscle lengths): half over the whole joint ranges, half near the middle of walking."""
    low, high = body.joint_range.T
    stand = body.standing_qpos[body.joint_qpos_adr]
    wide = rng.uniform(low, high, (count // 2, len(low)))
    near = np.clip(stand + 0.35 * (high - low) * rng.standard_normal((count // 2, len(low))) * 0.7, low - 0.1, high + 0.1)
    joints = np.concatenate([wide, near])
    x, y = (torch.from_numpy(a).float() for a in (joints, muscle_lengths(body, joints)))

    def sample(n: int) -> tuple[Tensor, Tensor]:
        pick = torch.from_numpy(rng.integers(0, len(x), n))
        return x[pick], y[pick]

    return sample


def feed_forward_sampler(table: GaitTable, activation: Array, rng: np.random.Generator, count: int = 120_000) -> Sampler:
    """Samples of (reference joints, their velocities, context) -> activation, at random velocities and phases.

    Args:
        activation: shape (S, L, T, P, n_muscles) on the grid of the table.
    """
    parts = [_reference_frames(table, replace(table, joint=activation), rng, 2_000) for _ in range(count // 2_000)]
    x, y = (torch.from_numpy(np.concatenate(p)).float() for p in zip(*parts, strict=True))

    def sample(n: int) -> tuple[Tensor, Tensor]:
        pick = torch.from_numpy(rng.integers(0, len(x), n))
        return x[pick], y[pick]

    return sample


def _reference_frames(table: GaitTable, drive: GaitTable, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Inputs and outputs of the feed-forward network for n random moments of the gait."""
    joints = table.joint.shape[-1]
    # Most commands ask for one thing at a time, few for everything at once.
    velocity = rng.uniform(table.low, table.high, (n, 3)) * (rng.random((n, 3)) < (0.85, 0.3, 0.4))
    phase, cell = rng.random(n), table.cell(velocity)
    gait = table.sample(cell, phase)
    rate = np.where((velocity != 0.0).any(axis=1), table.rate(cell), 0.0)[:, None]
    wanted = drive.sample(cell, phase).value[:, : drive.joint.shape[-1]]
    # The small noise makes the network smooth where the reference never goes.
    position = gait.value[:, :joints] + 0.02 * rng.standard_normal((n, joints))
    change = rate * gait.slope
    # The context stands in the order of the observation terms: contacts, then root velocity.
    contact, sway = gait.value[:, joints + 2 :], gait.value[:, joints]
    root = np.stack([velocity[:, 0] - velocity[:, 2] * sway, velocity[:, 1] + change[:, joints], change[:, joints + 1]], axis=1)
    x = np.concatenate([position, change[:, :joints] * (1.0 + 0.05 * rng.standard_normal((n, 1))), contact, root], axis=1)
    return x, wanted


def clip_feed_forward_sampler(body: Body, bank: ClipBank, rng: np.random.Generator) -> Sampler:
    """Samples of (reference joints, their velocities, context) -> activation from the frames of clips and from their mirror images."""
    m, f, rows = body.mirror, bank.frames, bank.in_clips()
    joints, rates, contact, root = (f[n][rows] for n in ("joint_position", "joint_velocity", "contact", "root_linear_velocity"))
    wanted = bank.activation[rows].astype(float)
    mirrored = (joints[:, m.joints] * m.joint_sign, rates[:, m.joints] * m.joint_sign, contact[:, m.contacts], root * (1.0, -1.0, 1.0))
    x = np.concatenate([np.concatenate((joints, rates, contact, root), axis=1), np.concatenate(mirrored, axis=1)])
    y = np.concatenate([wanted, wanted[:, m.muscles]])
    n = joints.shape[1]

    def sample(count: int) -> tuple[Tensor, Tensor]:
        pick = rng.integers(0, len(x), count)
        around = x[pick]
        # The small noise makes the network smooth where the reference never goes.
        around[:, :n] += 0.02 * rng.standard_normal((count, n))
        around[:, n : 2 * n] *= 1.0 + 0.05 * rng.standard_normal((count, 1))
        return torch.from_numpy(around).float(), torch.from_numpy(y[pick]).float()

    return sample


def mixed_sampler(first: Sampler, second: Sampler, share: float) -> Sampler:
    """Samples of two samplers, `share` of them from the first."""

    def sample(count: int) -> tuple[Tensor, Tensor]:
        k = round(share * count)
        parts = [s(c) for s, c in ((first, k), (second, count - k)) if c]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])

    return sample
