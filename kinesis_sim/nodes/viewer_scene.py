"""Turns the newest messages of the graph into what the page draws. Loads the body only when somebody looks."""

import threading
from typing import NamedTuple

import numpy as np
from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleLayout
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message

from kinesis_control.body_state import BodyState
from kinesis_control.errors import KinesisError, LayoutError
from kinesis_control.reference import ReferenceWindow
from kinesis_control.ros.convert import read_body_state, read_reference, view
from kinesis_sim.bodies import Body, load_body
from kinesis_sim.viewer.bones import Bones, bones_of
from kinesis_sim.viewer.packing import ReferencePose, frame_message, scene_message
from kinesis_sim.viewer.pose import BodyPoser, MusclePaths


class Drawn(NamedTuple):
    """One frame: as the page gets it, and what it was made from; `contact_points` in odom, shape (n_contacts, 3) [m]."""

    message: bytes
    state: BodyState
    paths: MusclePaths
    contact_points: NDArray[np.float64]


class ViewerScene:
    """One body to be drawn.

    Attributes:
        layout_hash: of the body.
        problem: why nothing can be drawn, or "".
        message: the scene for the page, or None until the body is loaded.
    """

    def __init__(self, layout: MuscleLayout, facts: dict[str, object]) -> None:
        """Begin to load the body, which takes seconds; `facts` go with the scene."""
        self.layout_hash = layout.layout_hash
        self.problem = ""
        self.message: bytes | None = None
        self._layout, self._facts = layout, facts
        self._window: ReferenceWindow | None = None
        self._parts: tuple[Body, Bones, BodyPoser, BodyState] | None = None
        threading.Thread(target=self._load, name="body", daemon=True).start()

    def _load(self) -> None:
        try:
            body = load_body(self._layout.body)
            if body.description.muscles.hash != self._layout.layout_hash:
                raise LayoutError(f"body '{self._layout.body}' of this installation has other muscles than the one that moves")
            bones, poser = bones_of(body), BodyPoser(body)
        except (KinesisError, ValueError) as error:
            self.problem = f"the body cannot be drawn: {error}"
            return
        facts = {**self._facts, "joint_limits": body.joint_range.round(4).tolist(), "parts": body.part_names, "licence": body.entry.licence_note}
        self._parts = body, bones, poser, BodyState.zeros(body.description)
        self.message = scene_message(body, bones, facts)

    def frame(self, state_data: bytes, reference_data: bytes | None) -> Drawn | None:
        """The frame of a state; None while the body is loading, or for a state that cannot be drawn."""
        if self._parts is None:
            return None
        _, bones, poser, state = self._parts
        try:
            read_body_state(deserialize_message(state_data, BodyStateMessage), self._layout.layout_hash, state)
        except LayoutError as error:
            self.problem = f"the body cannot be drawn: {error}"
            return None
        if state.first_non_finite() is not None:
            return None  # the fault that this is will be shown; the last good picture stays
        reference = self._reference_pose(reference_data, state, *self._parts[:3]) if reference_data else None
        poser.pose(state.root_position, state.root_quaternion, state.joint_position)
        contacts, paths = poser.contact_points(), poser.muscle_paths()
        return Drawn(frame_message(state, poser.transforms(bones.body_ids), contacts, paths, reference), state, paths, contacts)

    def _reference_pose(self, data: bytes, state: BodyState, body: Body, bones: Bones, poser: BodyPoser) -> ReferencePose | None:
        """The first frame of the newest window, unless it is old."""
        message = deserialize_message(data, ReferenceMessage)
        if self._window is None or len(self._window.time_offsets) != len(message.time_offsets):
            self._window = ReferenceWindow.zeros(body.description, view(message, "time_offsets").copy())
        try:
            window = read_reference(message, self._layout.layout_hash, self._window)
        except LayoutError:
            return None
        if abs(window.seq - state.seq) > 5:
            return None
        poser.pose(window.root_position[0], window.root_quaternion[0], window.joint_position[0])
        return ReferencePose(joint_position=window.joint_position[0], transforms=poser.transforms(bones.body_ids), phase=float(window.phase))
