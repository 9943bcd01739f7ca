"""The body in a clip beside the recorded skeleton: a film strip or a film, drawn from bones and muscle paths without a display."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, MotionFileError, UnavailableError
from kinesis_control.motion.clip import MIRRORED, MotionClip
from kinesis_control.motion.readers import find_motions
from kinesis_control.motion.source_motion import SourceMotion
from kinesis_sim.bodies import Body
from kinesis_sim.retarget.pipeline import clip_poses
from kinesis_sim.retarget.plots import figure, save

Array = NDArray[np.float64]
Lines = list[Array]
FILM_HZ = 20.0
LONGEST_BONE = 0.6  # from a root joint [m]
ELEVATION, AROUND = 0.22, -1.1  # of the camera: above the horizon, and from straight ahead to the body's right [rad]
MUSCLE, BONE, SOURCE = "#c0392b", "#34495e", "#2980b9"


@dataclass(frozen=True, kw_only=True)
class View:
    """What is drawn.

    Attributes:
        body: of the clip.
        clip: what it does.
        source: the recording that the clip was made from; None: the body alone.
        start_s, end_s: from when to when; None: to the end.
        pictures: in a film strip.
    """

    body: Body
    clip: MotionClip
    source: SourceMotion | None = None
    start_s: float = 0.0
    end_s: float | None = None
    pictures: int = 8

    def __post_init__(self) -> None:
        if not 0.0 <= self.start_s < self.stop_s <= self.clip.duration_s + 1e-6:
            raise ConfigurationError(f"view: got {self.start_s:g} to {self.stop_s:g} s, expected a part of 0 to {self.clip.duration_s:.2f} s")
        name = self.clip.name.removesuffix(MIRRORED)
        if self.source is not None and self.clip.source.get("file", "unknown") not in ("unknown", self.source.source.get("file", "")):
            raise ConfigurationError(f"view: clip '{name}' was made from '{self.clip.source['file']}', got '{self.source.source.get('file')}'")

    @property
    def stop_s(self) -> float:
        """The last moment [s]."""
        return self.clip.duration_s if self.end_s is None else self.end_s


def recording_of(clip: MotionClip, place: Path) -> Path:
    """The file that a clip was made from: `place` itself, or where that is a folder the file of its name somewhere below.

    Raises:
        MotionFileError: no such file, or several.
    """
    if not place.is_dir():
        return place
    wanted, name = clip.source.get("file", "unknown"), clip.name.removesuffix(MIRRORED)
    found = [p for p in find_motions(place) if p.name == wanted]
    # Of files of one name, clips are called by their folders too, as importing calls them.
    found = [p for p in found if "_".join(p.relative_to(place).with_suffix("").parts) == name] or found
    if len(found) != 1:
        which = "none there" if not found else ", ".join(str(p.relative_to(place)) for p in found)
        raise MotionFileError(f"view: clip '{name}' was made from '{wanted}', expected one such file below '{place}', got {which}; give the file itself")
    return found[0]


def draw_view(view: View, path: Path) -> None:
    """Write a film strip (.png) or a film (.gif).

    Raises:
        ConfigurationError: another kind of file.
        UnavailableError: the file cannot be written.
    """
    if path.suffix.lower() == ".png":
        _strip(view, path)
    elif path.suffix.lower() == ".gif":
        _film(view, path)
    else:
        raise ConfigurationError(f"view: got a file '{path.name}', expected a name that ends in .png or .gif")


def _strip(view: View, path: Path) -> None:
    rows = 1 if view.source is None else 2
    picture = figure(1.45 * view.pictures, 2.9 * rows)
    axes = picture.subplots(rows, view.pictures, squeeze=False)
    scene = _Scene(view)
    for column, time in enumerate(np.linspace(view.start_s, view.stop_s, view.pictures)):
        scene.draw(axes[0, column], time)
        axes[0, column].set_title(f"{time:.2f} s", fontsize=8)
        if view.source is not None:
            scene.draw_source(axes[1, column], time)
    credit = view.clip.source.get("credit", "unknown")
    below = f"{view.clip.name}: {view.body.entry.name}" + (" above, the recorded skeleton below" if rows == 2 else "")
    picture.supxlabel(below + (f" ({credit})" if credit != "unknown" else ""), fontsize=8)
    save(picture, path, 80)


def _film(view: View, path: Path) -> None:
    from PIL import Image

    columns = 1 if view.source is None else 2
    picture = figure(2.6 * columns, 3.2)
    axes = picture.subplots(1, columns, squeeze=False)[0]
    scene, images = _Scene(view), []
    for time in np.arange(view.start_s, view.stop_s + 1e-9, 1.0 / FILM_HZ):
        for axis in axes:
            axis.clear()
        scene.draw(axes[0], time)
        if view.source is not None:
            scene.draw_source(axes[1], time)
        picture.canvas.draw()
        images.append(Image.fromarray(np.asarray(picture.canvas.buffer_rgba())).convert("P", palette=Image.Palette.ADAPTIVE, colors=32))
    try:
        images[0].save(path, save_all=True, append_images=images[1:], duration=round(1000.0 / FILM_HZ), loop=0, optimize=True)
    except OSError as error:
        raise UnavailableError(f"'{path}' cannot be written: {error}") from error


class _Scene:
    """Lines of body and skeleton at a moment, seen from a camera that goes with the root."""

    def __init__(self, view: View) -> None:
        self.view, self.model = view, view.body.model
        self.data, self.poses = mujoco.MjData(view.body.model), clip_poses(view.body, view.clip)
        m = self.model
        # Only what hangs on the root has a place that means something as a bone.
        self.bones = [(b, int(m.body_parentid[b])) for b in range(2, m.nbody) if m.body_parentid[b] > 1]
        self.scale = float(view.clip.report.get("scale", 1.0))
        w, _, _, z = view.clip.root_quaternion[0]
        self.heading = 2.0 * float(np.arctan2(z, w))

    def _project(self, points: Array, centre: Array) -> Array:
        """Points in the picture, shape (N, 2): a parallel view, so that nothing is distorted at the edges."""
        yaw = self.heading + AROUND
        right = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        towards = np.array([np.cos(yaw) * np.cos(ELEVATION), np.sin(yaw) * np.cos(ELEVATION), np.sin(ELEVATION)])
        return (points - [centre[0], centre[1], 0.0]) @ np.stack([right, np.cross(towards, right)]).T

    def draw(self, axis: Any, time: float) -> None:
        """Bones and muscle paths of the body."""
        frame = min(round(time * self.view.clip.rate_hz), len(self.poses) - 1)
        self.data.qpos[:] = self.poses[frame]
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_tendon(self.model, self.data)
        centre = self.poses[frame, :3]
        bones = [np.stack([self.data.xpos[b], self.data.xpos[p]]) for b, p in self.bones]
        self._lines(axis, self._muscles(), centre, MUSCLE, 0.5, 0.6)
        self._lines(axis, [*bones, *self._feet()], centre, BONE, 1.8, 1.0)
        self._frame(axis)

    def _muscles(self) -> Lines:
        d = self.data
        result = []
        for t in range(self.model.ntendon):
            start, count = int(d.ten_wrapadr[t]), int(d.ten_wrapnum[t])
            result.append(d.wrap_xpos.reshape(-1, 3)[start : start + count].copy())
        return [line for line in result if len(line) > 1]

    def _feet(self) -> Lines:
        """Capsules of the soles: the lines that stand on the floor."""
        m, capsule, lines = self.model, int(mujoco.mjtGeom.mjGEOM_CAPSULE), []
        for g in self.view.body.foot_geom_ids:
            if int(m.geom_type[g]) == capsule:
                half = self.data.geom_xmat[g].reshape(3, 3)[:, 2] * m.geom_size[g, 1]
                lines.append(np.stack([self.data.geom_xpos[g] - half, self.data.geom_xpos[g] + half]))
        return lines

    def draw_source(self, axis: Any, time: float) -> None:
        """The recorded skeleton, drawn at the size of the body."""
        source = self.view.source
        assert source is not None
        frame = min(round(time * source.rate_hz), source.frames - 1)
        points = self.scale * source.position[frame]
        if self.view.clip.mirrored:
            points = points * [1.0, -1.0, 1.0]
        floor = self.scale * float(np.percentile(source.position[..., 2].min(axis=1), 10))
        points = points - [0.0, 0.0, floor]
        lines = [np.stack([points[j], points[p]]) for j, p in enumerate(source.parents) if p >= 0 and self._near(source, points, j, int(p))]
        self._lines(axis, lines, points[source.joint("pelvis")], SOURCE, 1.8, 1.0)
        self._frame(axis)

    @staticmethod
    def _near(source: SourceMotion, points: Array, joint: int, parent: int) -> bool:
        """Whether a bone is one: some files hang the pelvis on a joint that stays at the origin."""
        return source.parents[parent] >= 0 or bool(np.linalg.norm(points[joint] - points[parent]) < LONGEST_BONE)

    def _lines(self, axis: Any, lines: Lines, centre: Array, colour: str, width: float, alpha: float) -> None:
        from matplotlib.collections import LineCollection

        axis.add_collection(LineCollection([self._project(line, centre) for line in lines], colors=colour, linewidths=width, alpha=alpha))

    def _frame(self, axis: Any) -> None:
        axis.axhline(0.0, color="#888888", lw=0.6, zorder=0)
        axis.set_xlim(-0.62, 0.62)
        axis.set_ylim(-0.25, 1.85)
        axis.set_aspect("equal")
        axis.axis("off")
