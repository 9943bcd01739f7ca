"""Send one wish to the motion node and hear its answer, or what came of it."""

import sys
from collections.abc import Callable
from typing import Any


def ask(word: str, namespace: str, topic: str, message: Any) -> str:
    """Publish `message` on `topic`; returns what comes on `text_reply`.

    Args:
        word: name of the command, for the name of the node.
        namespace: of the graph, "" for the root.
        topic: relative name.
        message: what to publish.

    Raises:
        UnavailableError: nobody listens, or no answer came.
        RefusedError: the answer is no.
    """
    from std_msgs.msg import String

    from kinesis_cli.graph import ANSWER_S, Graph, RefusedError
    from kinesis_control.errors import UnavailableError
    from kinesis_control.ros.qos import GOAL

    replies: list[str] = []
    with Graph(word, namespace) as graph:
        publisher = graph.node.create_publisher(type(message), topic, GOAL)
        # Both sides know both directions before anything is said, or the answer could be missed.
        subscription = graph.node.create_subscription(String, "text_reply", lambda reply: replies.append(reply.data), GOAL)
        graph.require(
            lambda: publisher.get_subscription_count() > 0 and graph.node.count_publishers(subscription.topic_name) > 0,
            f"nobody listens to '{topic}'",
        )
        graph.be_known(subscription.topic_name)
        replies.clear()  # what was said before the question is no answer to it
        publisher.publish(message)
        if not graph.wait_until(lambda: bool(replies), ANSWER_S):
            raise UnavailableError(f"{word}: it was sent, but no answer came within {ANSWER_S:g} s {graph.place()}")
    if is_refusal(replies[0]):
        raise RefusedError(replies[0])
    return replies[0]


def is_refusal(reply: str) -> bool:
    """Whether a text_reply says no; kinesis_control.motion begins every refusal with one of these."""
    return reply.startswith(("refused:", "not understood:", "goal refused:", "velocity refused:"))


def carry_out(word: str, namespace: str, action: str, kind: Any, request: Any, show: Callable[[Any], str]) -> Any:
    """Send a goal of an action, show its feedback on one line, and return its result. Ctrl-C cancels the goal.

    Args:
        word, namespace: as for `ask`.
        action, kind: relative name and type.
        request: the goal.
        show: one line for a feedback.

    Raises:
        UnavailableError: nobody offers the action, or no answer came.
        RefusedError: it ended without success; the message says why.
    """
    from rclpy.action import ActionClient

    from kinesis_cli.graph import ANSWER_S, Graph, RefusedError
    from kinesis_control.errors import UnavailableError

    line = _Line()
    with Graph(word, namespace) as graph:
        client = ActionClient(graph.node, kind, action)
        graph.require(client.server_is_ready, f"nobody offers the action '{action}'")
        graph.be_known(f"{graph.node.get_namespace().rstrip('/')}/{action}/_action/status")
        sent = client.send_goal_async(request, feedback_callback=lambda message: line.show(show(message.feedback)))
        if not graph.wait_until(sent.done, ANSWER_S):
            raise UnavailableError(f"{word}: it was sent, but no answer came within {ANSWER_S:g} s {graph.place()}")
        handle = sent.result()
        future = handle.get_result_async()
        try:
            while not graph.wait_until(future.done, 1.0):
                pass
        except KeyboardInterrupt:
            handle.cancel_goal_async()
            if not graph.wait_until(future.done, ANSWER_S):
                raise
        finally:
            line.end()
            client.destroy()
    result = future.result().result
    if not result.success:
        raise RefusedError(result.message)
    return result


class _Line:
    """One line of a terminal that is written over; nothing where there is no terminal."""

    def __init__(self) -> None:
        self._used = False

    def show(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)
            self._used = True

    def end(self) -> None:
        if self._used:
            print(file=sys.stderr)
