"""Turns the newest messages of the graph into what the page draws. Loads the body only when somebody looks."""

import threading
from collections.abc import Callable
from typing import Any

from kinesis_msgs.msg import BodyState as BodyStateMessage
from kinesis_msgs.msg import MuscleLayout
from kinesis_msgs.msg import ReferenceWindow as ReferenceMessage
from rclpy.serialization import deserialize_message

from kinesis_control.body_state import BodyState
from kinesis_control.errors import KinesisError, LayoutError
from kinesis_control.reference import ReferenceWindow
from kinesis_control.ros.convert import read_body_state, read_reference, view
from kinesis_sim.bodies import load_body
from kinesis_sim.viewer.drawing import BodyDrawing, Drawn

OLD = 5
"""A reference of so many states ago is still shown, an older one is not."""


class ViewerScene:
    """One body to be drawn.

    Attributes:
        layout_hash: of the body.
        problem: why nothing can be drawn, or "".
        message: the scene for the page, or None until the body is loaded.
    """

    def __init__(self, layout: MuscleLayout, facts: Callable[[], dict[str, Any]]) -> None:
        """Begin to load the body, which takes seconds; what `facts` gives goes with the scene."""
        self.layout_hash = layout.layout_hash
        self.problem = ""
        self.message: bytes | None = None
        self._layout, self._facts = layout, facts
        self._window: ReferenceWindow | None = None
        self._parts: tuple[BodyDrawing, BodyState] | None = None
        threading.Thread(target=self._load, name="body", daemon=True).start()

    def _load(self) -> None:
        try:
            body = load_body(self._layout.body)
            if body.description.muscles.hash != self._layout.layout_hash:
                raise LayoutError(f"body '{self._layout.body}' of this installation has other muscles than the one that moves")
            drawing = BodyDrawing(body)
        except (KinesisError, ValueError) as error:
            self.problem = f"the body cannot be drawn: {error}"
            return
        self._parts = drawing, BodyState.zeros(body.description)
        self.message = drawing.scene(self._facts())

    def frame(self, state_data: bytes, reference_data: bytes | None) -> Drawn | None:
        """The frame of a state; None while the body is loading, or for a state that cannot be drawn."""
        if self._parts is None:
            return None
        drawing, state = self._parts
        try:
            read_body_state(deserialize_message(state_data, BodyStateMessage), self._layout.layout_hash, state)
        except LayoutError as error:
            self.problem = f"the body cannot be drawn: {error}"
            return None
        if state.first_non_finite() is not None:
            return None  # the fault that this is will be shown; the last good picture stays
        return drawing.frame(state, self._reference(reference_data, drawing, state) if reference_data else None)

    def _reference(self, data: bytes, drawing: BodyDrawing, state: BodyState) -> ReferenceWindow | None:
        """The newest window, unless it is old."""
        message = deserialize_message(data, ReferenceMessage)
        if self._window is None or len(self._window.time_offsets) != len(message.time_offsets):
            self._window = ReferenceWindow.zeros(drawing.body.description, view(message, "time_offsets").copy())
        try:
            window = read_reference(message, self._layout.layout_hash, self._window)
        except LayoutError:
            return None
        return window if abs(window.seq - state.seq) <= OLD else None
