"""Curves of a clip as a picture: joints, heights and contacts of the feet, path and speed."""

from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.errors import UnavailableError
from kinesis_control.motion.clip import MotionClip
from kinesis_sim.bodies import Body
from kinesis_sim.retarget.pipeline import clip_poses
from kinesis_sim.retarget.quality import trace

GROUPS = (
    ("hip [°]", ("hip_flexion", "hip_adduction", "hip_rotation")),
    ("knee [°]", ("knee_angle",)),
    ("ankle and toes [°]", ("ankle_angle", "subtalar_angle", "mtp_angle")),
)
"""Title and joints of each panel; right solid, left dashed."""
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    result = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(result)
    return result


def save(picture: Any, path: Path, dpi: int) -> None:
    """Write a figure. Raises UnavailableError where the file cannot be written or its kind is not known."""
    try:
        picture.savefig(path, dpi=dpi)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"'{path}' cannot be written: {error}") from error


def plot_clip(body: Body, clip: MotionClip, path: Path) -> None:
    """Write a picture with the curves of a clip of this body."""
    picture = figure(11.0, 8.5)
    axes = picture.subplots(3, 2)
    time = np.arange(clip.frames) / clip.rate_hz
    for axis, (title, joints) in zip(axes[:, 0], GROUPS, strict=True):
        _joints(axis, body, clip, time, title, joints)
    _feet(axes[0, 1], body, clip, time)
    _path(axes[1, 1], clip)
    _speed(axes[2, 1], clip, time)
    for axis in (axes[2, 0], axes[2, 1]):
        axis.set_xlabel("time [s]")
    credit = clip.source.get("credit", "unknown")
    picture.suptitle(f"{clip.name} on {body.entry.name}" + (f"   ({credit})" if credit != "unknown" else ""), fontsize=10)
    save(picture, path, 100)


def _joints(axis: Any, body: Body, clip: MotionClip, time: Any, title: str, joints: tuple[str, ...]) -> None:
    names = body.description.joint_names
    for colour, joint in zip(COLOURS, joints, strict=False):
        for side, style in (("r", "-"), ("l", "--")):
            if f"{joint}_{side}" in names:
                angle = np.degrees(clip.joint_position[:, names.index(f"{joint}_{side}")])
                axis.plot(time, angle, style, color=colour, lw=1.2, label=joint.replace("_", " ") if side == "r" else None)
    axis.set_ylabel(title)
    axis.legend(fontsize=8, loc="upper right")
    axis.grid(alpha=0.3)


def _feet(axis: Any, body: Body, clip: MotionClip, time: Any) -> None:
    """Height of each foot region above the floor, and when it is loaded as bars below the axis."""
    gap = 1e3 * trace(body, clip_poses(body, clip), clip.rate_hz).gap
    for i, (name, colour) in enumerate(zip(body.description.contact_names, COLOURS, strict=False)):
        axis.plot(time, gap[:, i], color=colour, lw=1.2, label=name.replace("_", " "))
        axis.fill_between(time, -12.0 * (i + 1), -12.0 * (i + 1) + 8.0, where=clip.contact[:, i] > 0.5, color=colour, lw=0.0)
    axis.set_ylim(-55.0, 200.0)
    axis.set_ylabel("feet above the floor [mm]\nbars: loaded")
    axis.legend(fontsize=8, loc="upper right", ncols=2)
    axis.grid(alpha=0.3)


def _path(axis: Any, clip: MotionClip) -> None:
    """Root from above; an arrow each half second shows where it faces."""
    x, y = clip.root_position[:, 0], clip.root_position[:, 1]
    w, i, j, k = clip.root_quaternion.T
    ahead = np.stack([1.0 - 2.0 * (j * j + k * k), 2.0 * (i * j + w * k)])
    every = slice(None, None, max(1, round(0.5 * clip.rate_hz)))
    axis.plot(x, y, color=COLOURS[0], lw=1.2)
    axis.quiver(x[every], y[every], ahead[0, every], ahead[1, every], color=COLOURS[1], angles="xy", scale=25.0, width=0.004)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_xlabel("x [m]")
    axis.set_ylabel("path from above, y [m]")
    axis.grid(alpha=0.3)


def _speed(axis: Any, clip: MotionClip, time: Any) -> None:
    axis.plot(time, clip.root_linear_velocity[:, 0], color=COLOURS[0], lw=1.2, label="ahead [m/s]")
    axis.plot(time, clip.root_linear_velocity[:, 1], color=COLOURS[2], lw=1.2, label="to the left [m/s]")
    axis.plot(time, clip.root_angular_velocity[:, 2], color=COLOURS[1], lw=1.0, label="turn [rad/s]")
    axis.set_ylabel("speed of the root")
    axis.legend(fontsize=8, loc="upper right")
    axis.grid(alpha=0.3)
