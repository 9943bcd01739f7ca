"""How fast simulated time passes in real time: one parameter that may be changed while the body moves."""

from collections.abc import Callable, Sequence

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from kinesis_control.ros.parameters import declare

NAME = "real_time_factor"
SLOWEST, FASTEST = 0.1, 4.0
"""A body simulated slower than this can hardly be watched; faster than this no machine keeps up with."""


class Pace:
    """Simulated seconds per second of the wall clock.

    Attributes:
        factor: 1 is real time. In lock-step it stays 1 and means nothing: the answers set the pace.
    """

    def __init__(self, node: Node, *, lockstep: bool, changed: Callable[[float], None]) -> None:
        """`changed` is told the factor that was in force, after a new one has come in force."""
        self._lockstep, self._changed = lockstep, changed
        what = "Real time: simulated seconds per second of the wall clock; may be changed while it runs."
        self.factor = float(declare(node, NAME, 1.0, what, low=SLOWEST, high=FASTEST, changeable=True))
        node.add_on_set_parameters_callback(self._on_set)

    def _on_set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        given = next((p.value for p in parameters if p.name == NAME), None)
        if given is None:
            return SetParametersResult(successful=True)
        if self._lockstep:
            return SetParametersResult(successful=False, reason=f"{NAME}: in lock-step the answers set the pace; start with clock:=realtime")
        if isinstance(given, bool) or not isinstance(given, float) or not SLOWEST <= given <= FASTEST:
            return SetParametersResult(successful=False, reason=f"{NAME}: got {given}, expected a number with a point from {SLOWEST} to {FASTEST}")
        before, self.factor = self.factor, given
        self._changed(before)
        return SetParametersResult(successful=True, reason=f"simulated time passes {given:g} times as fast as real time")
