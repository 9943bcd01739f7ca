"""Action servers that never wait: a goal is kept until its end is told, and the loop goes on in between.

An execute callback that waits would be polled without rest by the events executor, so each goal is executed only at its end.
"""

from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import GoalEvent, ServerGoalHandle
from rclpy.node import Node


class PendingActions:
    """One action; at most one goal of it is under way for each ticket.

    Every goal is accepted, because only a result can carry the reason of a refusal.
    """

    def __init__(self, node: Node, kind: Any, name: str, take: Callable[[Any], tuple[str, int]], cancel: Callable[[int], None]) -> None:
        """`take` gives what is to be said and a ticket, 0 for a refusal; `cancel` is asked with the ticket."""
        self._kind, self._take, self._cancel = kind, take, cancel
        self._open: dict[int, ServerGoalHandle] = {}
        self._server = ActionServer(
            node,
            kind,
            name,
            execute_callback=lambda handle: kind.Result(),  # never called: `finish` brings its own
            goal_callback=lambda request: GoalResponse.ACCEPT,
            handle_accepted_callback=self._accept,
            cancel_callback=self._on_cancel,
        )

    @property
    def tickets(self) -> tuple[int, ...]:
        """Of the goals under way."""
        return tuple(self._open)

    def _accept(self, handle: ServerGoalHandle) -> None:
        handle._update_state(GoalEvent.EXECUTE)  # `execute` would do it too, but would also ask for the result at once
        text, ticket = self._take(handle.request)
        if ticket:
            self._open[ticket] = handle
        else:
            refused = self._kind.Result(reason=self._kind.Result.REFUSED, message=text)
            self._end(handle, refused)

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        for ticket, own in self._open.items():
            if own.goal_id == handle.goal_id:
                self._cancel(ticket)
        return CancelResponse.ACCEPT

    def feedback(self, ticket: int, **fields: float) -> None:
        """Tell whoever waits for this goal where it stands."""
        if ticket in self._open:
            self._open[ticket].publish_feedback(self._kind.Feedback(**fields))

    def finish(self, ticket: int, **fields: Any) -> None:
        """The goal of this ticket is over; `fields` of the result, `reason` among them."""
        handle = self._open.pop(ticket, None)
        if handle is not None:
            self._end(handle, self._kind.Result(success=fields["reason"] == self._kind.Result.SUCCEEDED, **fields))

    def _end(self, handle: ServerGoalHandle, result: Any) -> None:
        def execute(own: ServerGoalHandle) -> Any:
            if result.success:
                own.succeed()
            elif own.is_cancel_requested:
                own.canceled()
            else:
                own.abort()
            return result

        self._server.notify_execute(handle, execute)

    def destroy(self) -> None:
        """Close the server."""
        self._server.destroy()
