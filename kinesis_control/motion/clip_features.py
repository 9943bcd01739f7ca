"""What a clip shows: gait events from its contacts; speed, turning and content from the path of its root."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import LayoutError
from kinesis_control.motion.clip import GaitEvent, MotionClip
from kinesis_control.motion.rotations import rotate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHORTEST_STANCE_S = 0.08  # a sprinter's foot is down for 0.1 s
SHORTEST_SWING_S = 0.1
SMOOTHING_S = 0.5  # takes the sway of a gait cycle out of the path
MOVING = 0.15  # slower is standing [m/s]
RUN_SPEED, RUN_SURELY = 1.7, 2.5  # from the first a flight phase makes it running, from the second speed alone [m/s]
TURNED = 0.6  # change of heading from which a walk is called a turn [rad]
CROUCHED = 0.75  # of the height of standing; lower is neither walking nor standing
PART = 0.15  # share of a clip from which a way of moving counts as part of it
MOSTLY = 0.75  # share of the time in motion from which a clip is backward or sideways as a whole
SIDES = {"l": "l", "left": "l", "r": "r", "right": "r"}


def with_features(clip: MotionClip, contact_names: Sequence[str]) -> MotionClip:
    """The clip with its gait events and descriptors computed anew."""
    clip = replace(clip, gait_events=gait_events(clip, contact_names))
    return replace(clip, descriptors=descriptors(clip))


def gait_events(clip: MotionClip, contact_names: Sequence[str]) -> tuple[GaitEvent, ...]:
    """First and last contact of each foot, in the order of time.

    A foot is down while any of its regions is loaded. Swings shorter than 0.1 s and stances shorter than 0.08 s are taken
    for flicker. What is under way at the ends of the clip is no event.

    Args:
        clip: its contact has shape (F, n_contacts).
        contact_names: of the body; each holds the word for a side, as "right_heel" does.

    Raises:
        LayoutError: as many names as contacts are needed.
    """
    if len(contact_names) != clip.contact.shape[1]:
        raise LayoutError(f"clip '{clip.name}' has {clip.contact.shape[1]} contacts, got {len(contact_names)} names: {', '.join(contact_names)}")
    events = []
    for side in "lr":
        own = [i for i, name in enumerate(contact_names) if _side(name) == side]
        down = np.asarray((clip.contact[:, own] > 0.5).any(axis=1), dtype=bool)
        down = _without_short(down, False, SHORTEST_SWING_S * clip.rate_hz)
        down = _without_short(down, True, SHORTEST_STANCE_S * clip.rate_hz)
        for frame in np.flatnonzero(down[1:] != down[:-1]) + 1:
            kind = "heel_strike" if down[frame] else "toe_off"
            events.append(GaitEvent(time_s=float(frame / clip.rate_hz), side=side, kind=kind))
    return tuple(sorted(events, key=lambda e: (e.time_s, e.side)))


def _side(name: str) -> str:
    return next((SIDES[w] for w in re.split(r"[^a-z]+", name.lower()) if w in SIDES), "")


def _without_short(mask: Mask, value: bool, shortest: float) -> Mask:
    """The mask with runs of `value` turned round that are shorter than `shortest` frames; runs at the ends stay."""
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    result = mask.copy()
    for start, end in pairwise(edges):
        if mask[start] == value and end - start < shortest:
            result[start:end] = not value
    return result


def descriptors(clip: MotionClip) -> dict[str, float | str]:
    """Figures of a clip.

    Returns:
        "duration_s"; "distance_m" along the smoothed path of the root; "mean_speed" and "max_speed" [m/s]; "heading_change",
        summed, left positive [rad]; "backward_share" and "sidestep_share" of the time in motion; "cadence" [steps/min] and
        "step_length" [m] from heel strikes in motion, 0 where there are fewer than three; "content": stand, walk, run,
        turn, backward, sidestep, transition (between standing, walking and running, or forward and back) or other (crouching and the like).
    """
    path = _smoothed(clip.root_position[:, :2], SMOOTHING_S * clip.rate_hz)
    velocity = np.gradient(path, axis=0) * clip.rate_hz
    speed = np.linalg.norm(velocity, axis=1)
    yaw = _heading(clip.root_quaternion)
    ahead = velocity[:, 0] * np.cos(yaw) + velocity[:, 1] * np.sin(yaw)
    aside = velocity[:, 1] * np.cos(yaw) - velocity[:, 0] * np.sin(yaw)
    moving = speed > MOVING
    backward = moving & (ahead < -np.abs(aside))
    sideways = moving & (np.abs(aside) > np.abs(ahead))
    cadence, step = _steps(clip, path)
    parts = max(int(moving.sum()), 1)
    turned = float(yaw[-1] - yaw[0])
    return {
        "duration_s": clip.duration_s,
        "distance_m": float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()),
        "mean_speed": float(speed.mean()),
        "max_speed": float(speed.max()),
        "heading_change": turned,
        "backward_share": float(backward.sum() / parts),
        "sidestep_share": float(sideways.sum() / parts),
        "cadence": cadence,
        "step_length": step,
        "content": _content(clip, speed, moving, float(backward.sum() / parts), float(sideways.sum() / parts), turned),
    }


def _content(clip: MotionClip, speed: Array, moving: Mask, backward: float, sideways: float, turned: float) -> str:
    height = clip.root_position[:, 2]
    if np.percentile(height, 5) < CROUCHED * np.percentile(height, 95):
        return "other"
    running = moving & ((speed > RUN_SURELY) | ((speed > RUN_SPEED) & _near_flight(clip)))
    shares = {"stand": float(np.mean(~moving)), "run": float(np.mean(running)), "walk": float(np.mean(moving & ~running))}
    if shares["stand"] > 1.0 - PART:
        return "turn" if abs(turned) > TURNED else "stand"
    if max(backward, sideways) > MOSTLY:
        return "backward" if backward > sideways else "sidestep"
    if max(backward, sideways) > 1.0 - MOSTLY:
        return "transition"
    if sum(share > PART for share in shares.values()) > 1:
        return "transition" if abs(turned) < TURNED or shares["run"] > PART else "turn"
    if shares["run"] > shares["walk"]:
        return "run"
    return "turn" if abs(turned) > TURNED else "walk"


def _near_flight(clip: MotionClip) -> Mask:
    """Frames with a flight phase, no contact at all, within half a running cycle; shape (F,)."""
    flight = _without_short(np.asarray((clip.contact < 0.5).all(axis=1), dtype=bool), True, 0.03 * clip.rate_hz)
    reach = round(0.35 * clip.rate_hz)
    return np.convolve(flight, np.ones(2 * reach + 1), mode="full")[reach : reach + len(flight)] > 0.5


def _steps(clip: MotionClip, path: Array) -> tuple[float, float]:
    """Cadence [steps/min] and mean step length [m] over the heel strikes that follow each other within 1.2 s."""
    strikes = [e for e in clip.gait_events if e.kind == "heel_strike"]
    times, lengths = [], []
    for before, after in pairwise(strikes):
        if 0.0 < after.time_s - before.time_s < 1.2 and before.side != after.side:
            a, b = (min(round(e.time_s * clip.rate_hz), len(path) - 1) for e in (before, after))
            times.append(after.time_s - before.time_s)
            lengths.append(float(np.linalg.norm(path[b] - path[a])))
    if len(times) < 2:
        return 0.0, 0.0
    return 60.0 / float(np.mean(times)), float(np.mean(lengths))


def _smoothed(values: Array, width: float) -> Array:
    """Moving average over `width` frames along axis 0; the ends are continued point-symmetrically."""
    half = min(int(width / 2.0), len(values) - 1)
    if half < 1:
        return values
    padded = np.concatenate([2.0 * values[0] - values[half:0:-1], values, 2.0 * values[-1] - values[-2 : -half - 2 : -1]])
    total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), padded]), axis=0)
    return np.asarray((total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1))


def _heading(quaternion: Array) -> Array:
    """Direction of the root's x axis on the floor, without jumps; shape (F,) [rad]."""
    ahead = rotate(quaternion, np.broadcast_to([1.0, 0.0, 0.0], (*quaternion.shape[:-1], 3)))
    return np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))
