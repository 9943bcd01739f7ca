"""The procedural gait of a body with human legs: no recorded motion goes in.

For each velocity (ahead, sideways, turning) the feet follow a heel-ball-toe rocker on the floor, so that a planted foot cannot
slip; the pelvis moves evenly and sways like an inverted pendulum, or bounces like a spring in running; the leg joints follow
by inverse kinematics on the model.
"""

from kinesis_sim.gait.shape import GaitShape
from kinesis_sim.gait.table import build_gait_table

__all__ = ["GaitShape", "build_gait_table"]
