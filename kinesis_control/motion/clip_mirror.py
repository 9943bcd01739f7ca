"""The mirrored copy of a clip: left and right change places through the plane y = 0."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kinesis_control.motion.clip import MIRRORED, MotionClip

Array = NDArray[np.float64]
SWAP = {"l": "r", "r": "l"}
TURNS_ROUND = ("heading_change",)
"""Descriptors that change sign."""


class Symmetry(Protocol):
    """Left-right symmetry of a body, as `kinesis_sim.mirror.MirrorMap` gives it.

    Attributes:
        joints, joint_sign: mirrored[..., i] = joint_sign[i] * joint[..., joints[i]]; shapes (n_joints,).
        contacts: mirrored[..., i] = contact[..., contacts[i]]; shape (n_contacts,).
        key_bodies: as `contacts`, for key bodies; shape (n_key_bodies,).
    """

    @property
    def joints(self) -> NDArray[np.intp]: ...
    @property
    def joint_sign(self) -> Array: ...
    @property
    def contacts(self) -> NDArray[np.intp]: ...
    @property
    def key_bodies(self) -> NDArray[np.intp]: ...


def mirror(clip: MotionClip, symmetry: Symmetry) -> MotionClip:
    """The clip with y turned round and sides exchanged; twice gives the clip again.

    Positions and linear velocities are vectors: their y changes sign. Rotations (as quaternions) and angular velocities are
    axial: their x and z parts change sign.
    """
    polar, axial = np.array([1.0, -1.0, 1.0]), np.array([-1.0, 1.0, -1.0])
    events = (replace(e, side=SWAP[e.side]) for e in clip.gait_events)
    return replace(
        clip,
        name=clip.name.removesuffix(MIRRORED) if clip.mirrored else clip.name + MIRRORED,
        root_position=clip.root_position * polar,
        root_quaternion=clip.root_quaternion * np.array([1.0, *axial]),
        root_linear_velocity=clip.root_linear_velocity * polar,
        root_angular_velocity=clip.root_angular_velocity * axial,
        joint_position=clip.joint_position[:, symmetry.joints] * symmetry.joint_sign,
        joint_velocity=clip.joint_velocity[:, symmetry.joints] * symmetry.joint_sign,
        key_body_position=clip.key_body_position[:, symmetry.key_bodies] * polar,
        contact=clip.contact[:, symmetry.contacts],
        descriptors=_mirrored_figures(clip.descriptors),
        gait_events=tuple(sorted(events, key=lambda e: (e.time_s, e.side))),
    )


def _mirrored_figures(figures: Mapping[str, float | str]) -> dict[str, float | str]:
    return {k: -v if k in TURNS_ROUND and not isinstance(v, str) else v for k, v in figures.items()}
