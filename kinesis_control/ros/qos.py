"""Every QoS profile of the stack, by name.

State, reference and command are reliable with a deep queue: in lock-step the graph stands still when one of them is lost.
"""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

__all__ = ["ACTIVITY", "CLOCK", "GOAL", "LATCHED", "LOOP", "STANDARD", "STATUS"]


def _reliable(depth: int, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE) -> QoSProfile:
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=durability)


LOOP = _reliable(100)
"""`body_state`, `reference`, `muscle_command`: the control loop itself."""

STANDARD = _reliable(100)
"""`joint_states`, `odom`, `/tf`: what viewers and recorders read at the control rate."""

CLOCK = _reliable(10)
"""`/clock`: readers take it best effort, a recorder may want every one."""

STATUS = _reliable(100)
"""`control_status`, `/diagnostics`: as deep as the loop, for in lock-step they come as many times faster as the clock does."""

GOAL = _reliable(10)
"""`cmd_vel`, `goal_pose`, `text_command`, `text_reply`."""

ACTIVITY = _reliable(100, DurabilityPolicy.TRANSIENT_LOCAL)
"""`activity`, `applied_push`: rare, several at once; whoever comes later hears what is under way, and what was before."""

LATCHED = _reliable(1, DurabilityPolicy.TRANSIENT_LOCAL)
"""`muscle_layout`, `run_summary`: the last one is given to whoever comes later."""
