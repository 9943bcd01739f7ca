"""One body and everything that draws it: from a state, and the reference it follows, to a frame of the page."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyState
from kinesis_control.reference import ReferenceWindow
from kinesis_sim.bodies import Body
from kinesis_sim.viewer.bones import bones_of
from kinesis_sim.viewer.packing import ReferencePose, frame_message, scene_message
from kinesis_sim.viewer.pose import BodyPoser, MusclePaths


class Drawn(NamedTuple):
    """One frame: as the page gets it, and what it was made from; `contact_points` in odom, shape (n_contacts, 3) [m]."""

    message: bytes
    state: BodyState
    paths: MusclePaths
    contact_points: NDArray[np.float64]


class BodyDrawing:
    """Draws one body.

    Attributes:
        body: which.
    """

    def __init__(self, body: Body) -> None:
        """Simplify the bones, which takes a second.

        Raises:
            ValueError: the body has actuators that are not muscles.
        """
        self.body = body
        self._bones, self._poser = bones_of(body), BodyPoser(body)

    def scene(self, facts: dict[str, Any]) -> bytes:
        """The scene for the page; `facts` go with it."""
        body = self.body
        known = {"joint_limits": body.joint_range.round(4).tolist(), "parts": body.part_names, "licence": body.entry.licence_note}
        return scene_message(body, self._bones, {**known, **facts})

    def frame(self, state: BodyState, window: ReferenceWindow | None = None) -> Drawn:
        """The frame of a finite state; the first frame of `window` is drawn as the reference."""
        poser = self._poser
        reference = self._reference(window) if window is not None else None
        poser.pose(state.root_position, state.root_quaternion, state.joint_position)
        contacts, paths = poser.contact_points(), poser.muscle_paths()
        return Drawn(frame_message(state, poser.transforms(self._bones.body_ids), contacts, paths, reference), state, paths, contacts)

    def _reference(self, window: ReferenceWindow) -> ReferencePose:
        self._poser.pose(window.root_position[0], window.root_quaternion[0], window.joint_position[0])
        return ReferencePose(joint_position=window.joint_position[0], transforms=self._poser.transforms(self._bones.body_ids), phase=float(window.phase))
