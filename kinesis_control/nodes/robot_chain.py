"""The lifecycle nodes that depend on the robot: deactivated when it is in error, activated again after a reset."""

from collections.abc import Sequence

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future


class Chain:
    """Asks nodes to change their state, one after the other, without waiting."""

    def __init__(self, node: Node, names: Sequence[str]) -> None:
        """`names`: nodes in the namespace of `node`, the one nearest to the robot first."""
        space = node.get_namespace().rstrip("/")
        self._node = node
        self._clients: dict[str, Client] = {name: node.create_client(ChangeState, f"{space}/{name}/change_state") for name in names}
        self._down: set[str] = set()

    def deactivate(self) -> None:
        """Ask every node that is there to stop answering."""
        for name, client in self._clients.items():
            if client.service_is_ready():
                self._ask(name, client, Transition.TRANSITION_DEACTIVATE, "deactivated")
                self._down.add(name)

    def activate(self) -> None:
        """Ask those that were deactivated here to answer again."""
        for name in sorted(self._down):
            self._ask(name, self._clients[name], Transition.TRANSITION_ACTIVATE, "activated")
        self._down.clear()

    def _ask(self, name: str, client: Client, transition: int, done: str) -> None:
        def answered(future: Future) -> None:
            answer = future.result()
            if answer is not None and answer.success:
                self._node.get_logger().info(f"'{name}' is {done}")
            else:
                self._node.get_logger().warning(f"'{name}' could not be {done}; it may be in that state already")

        client.call_async(ChangeState.Request(transition=Transition(id=transition))).add_done_callback(answered)
