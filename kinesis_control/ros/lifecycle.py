"""A lifecycle node whose transitions say why they refuse."""

from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from kinesis_control.errors import KinesisError
from kinesis_control.ros.running import Ending

__all__ = ["LifecycleState", "LoopLifecycleNode", "TransitionCallbackReturn"]


class LoopLifecycleNode(Ending, LifecycleNode):
    """Subclasses implement `configure`, `activate` and `release`; a KinesisError from one of them refuses the transition.

    Attributes:
        active: between activate and deactivate.
    """

    active = False

    def configure(self) -> None:
        """Load everything; raise to refuse."""

    def activate(self) -> None:
        """Begin to answer; raise to refuse."""

    def deactivate(self) -> None:
        """Stop answering. Must not fail."""

    def release(self) -> None:
        """Give back what `configure` took. Must not fail."""

    def refused(self, reason: str) -> None:
        """Called with the reason of every refusal."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unconfigured -> inactive."""
        return self._attempt("configure", self.configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Inactive -> active."""
        result = self._attempt("activate", self.activate)
        self.active = result == TransitionCallbackReturn.SUCCESS
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Active -> inactive."""
        return self._leave(self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Inactive -> unconfigured."""
        return self._leave(self.release)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Any -> finalized."""
        if self.active:
            self._leave(self.deactivate)
        return self._leave(self.release)

    def _leave(self, action: Callable[[], None]) -> TransitionCallbackReturn:
        self.active = False
        action()
        return TransitionCallbackReturn.SUCCESS

    def _attempt(self, what: str, action: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            action()
        except KinesisError as error:
            self.get_logger().error(f"{what} refused: {error}")
            self.refused(f"{what} refused: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # rclpy would swallow it without a word
            self.get_logger().fatal(f"{what} failed: {type(error).__name__}: {error}")
            self.refused(f"{what} failed: {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS
