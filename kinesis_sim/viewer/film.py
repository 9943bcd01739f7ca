"""Draws a recording off screen, one picture a frame of a film, and feeds an encoder."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.errors import ConfigurationError, ContractError, UnavailableError
from kinesis_control.evaluate.replay import body_of, read_state, ticks_of
from kinesis_control.evaluate.stream_graph import Graph
from kinesis_control.evaluate.stream_open import Recording
from kinesis_sim.bodies import Body, load_body
from kinesis_sim.sensors import FLOOR
from kinesis_sim.viewer.colours import activation_colours
from kinesis_sim.viewer.pose import BodyPoser

Picture = NDArray[np.uint8]

MUSCLE_WIDTH_M = 0.005
BONE, FLOOR_COLOUR = (0.86, 0.83, 0.76, 1.0), (0.16, 0.20, 0.25, 1.0)


@dataclass(frozen=True, kw_only=True)
class FilmConfig:
    """How a film looks.

    Attributes:
        width, height: of a picture, even [pixels], 64 to 3840.
        rate_hz: pictures a second of recorded time, 1 to 120.
        azimuth, elevation: from where the camera looks [degrees]; 90 from the right side of a body that faces +x.
        distance: of the camera from the body [m], 0.5 to 20.
    """

    width: int = 1280
    height: int = 720
    rate_hz: float = 30.0
    azimuth: float = 125.0
    elevation: float = -12.0
    distance: float = 3.2

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("width", self.width, 64, 3840), ("height", self.height, 64, 3840), ("rate_hz", self.rate_hz, 1.0, 120.0), ("distance", self.distance, 0.5, 20.0),
        ):  # fmt: skip
            if not low <= value <= high:
                raise ConfigurationError(f"{name}: got {value}, expected {low} to {high}")
        if self.width % 2 or self.height % 2:
            raise ConfigurationError(f"size: got {self.width}x{self.height}, expected even numbers, which the encoder needs")


class FilmCamera:
    """Draws states of one body. Before mujoco is imported, MUJOCO_GL has to name what draws (kinesis_sim/viewer/backend.py)."""

    def __init__(self, body: Body, config: FilmConfig) -> None:
        model = body.model
        self._body, self._poser = body, BodyPoser(body)
        model.vis.quality.offsamples, model.vis.quality.shadowsize, model.vis.quality.numslices = 0, 0, 6  # a fifth of the time a picture
        model.vis.global_.offwidth, model.vis.global_.offheight = config.width, config.height
        model.geom_matid[:] = -1
        model.geom_rgba[:] = BONE
        model.geom_rgba[model.geom(FLOOR).id] = FLOOR_COLOUR
        self._tendons = model.actuator_trnid[:, 0]
        model.tendon_width[:] = MUSCLE_WIDTH_M
        self._renderer = mujoco.Renderer(model, config.height, config.width)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[:] = (1, 1, 1, 0, 0, 0)
        self._options.flags[int(mujoco.mjtVisFlag.mjVIS_TENDON)] = 1
        self._camera = mujoco.MjvCamera()
        self._camera.azimuth, self._camera.elevation, self._camera.distance = config.azimuth, config.elevation, config.distance

    def picture(self, state: BodyState) -> Picture:
        """One picture of a state; shape (height, width, 3)."""
        poser, model = self._poser, self._body.model
        poser.pose(state.root_position, state.root_quaternion, state.joint_position)
        poser.muscle_paths()
        colours = activation_colours(state.muscle_activation)
        model.tendon_rgba[self._tendons, :3], model.tendon_rgba[self._tendons, 3] = colours, 1.0
        self._follow(state.root_position)
        self._renderer.update_scene(poser.data, self._camera, self._options)
        self._renderer.scene.flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = 0
        return self._renderer.render()

    def _follow(self, root: NDArray[np.float64]) -> None:
        target = np.array([root[0], root[1], 0.35 + 0.55 * root[2]])
        now = self._camera.lookat
        far = np.linalg.norm(target - now) > 1.0
        now[:] = target if far else now + 0.2 * (target - now)

    def close(self) -> None:
        """Give the drawing context back."""
        self._renderer.close()


class Mp4Writer:
    """A film file, fed with pictures. A file that could not be finished is removed."""

    def __init__(self, path: Path, config: FilmConfig) -> None:
        """Start the encoder.

        Raises:
            UnavailableError: no encoder, or the file cannot be written.
        """
        if path.is_dir():
            raise UnavailableError(f"could not write '{path}': it is a folder, expected a file name")
        if not path.parent.is_dir():
            raise UnavailableError(f"cannot write '{path}': the folder '{path.parent}' does not exist")
        self._path, self._whole = path, False
        words = ["-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{config.width}x{config.height}", "-r", f"{config.rate_hz:g}"]
        words += ["-i", "-", "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4"]
        self._process = subprocess.Popen([find_encoder(), *words, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def write(self, picture: Picture) -> None:
        """Add a picture.

        Raises:
            UnavailableError: the encoder has ended, for example because the disk is full.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(picture.tobytes())
        except OSError as error:
            raise self._failure() from error

    def __enter__(self) -> "Mp4Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            _, said = self._process.communicate()
            if self._process.returncode:
                self._path.unlink(missing_ok=True)
                raise UnavailableError(f"could not write '{self._path}': {said.decode(errors='replace').strip()[-300:]}")
            return
        self._process.kill()
        self._process.communicate()
        self._path.unlink(missing_ok=True)

    def _failure(self) -> UnavailableError:
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode(errors="replace").strip()[-300:]
        return UnavailableError(f"could not write '{self._path}': {said or 'the encoder ended'}")


def find_encoder() -> str:
    """The ffmpeg of this machine, else the one of the package imageio-ffmpeg.

    Raises:
        UnavailableError: neither is there.
    """
    if found := shutil.which("ffmpeg"):
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise UnavailableError("films need ffmpeg: apt-get install ffmpeg, or pip install imageio-ffmpeg") from error


def load_recorded_body(recording: Recording, graph: Graph) -> Body:
    """The body of a recording, as it is known here.

    Raises:
        UnknownNameError, UnavailableError: it is not known here, or the recording does not say which it is.
        ContractError: it has other muscles here.
    """
    described = body_of(recording, graph)
    body = load_body(described.name)
    if body.description.muscles.hash != described.muscles.hash:
        raise ContractError(f"body '{described.name}' was recorded with other muscles than it has here")
    return body


def film_states(recording: Recording, graph: Graph, body: Body, rate_hz: float) -> Iterator[BodyState]:
    """The recorded states that a film of this rate shows: for each picture the last state before its time. The same object each time."""
    state, shown = BodyState.zeros(body.description), None
    for tick in ticks_of(recording, graph):
        read_state(tick.state, state)
        if state.first_non_finite() is not None:
            continue
        now = 1e-9 * state.stamp_ns
        if shown is None or now < shown - 1.0 / rate_hz or now > shown + 60.0:  # a new start of the body, or a long gap
            shown = now
        while shown <= now + 1e-9:
            yield state
            shown += 1.0 / rate_hz
