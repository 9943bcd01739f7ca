"""What words, goals, velocities and clips become: one activity at a time, and a queue of what comes next."""

from kinesis_control.motion.plan.config import PlanConfig
from kinesis_control.motion.plan.outcome import Ending, Event, Progress
from kinesis_control.motion.plan.plan import MotionPlan
from kinesis_control.motion.plan.report import ActivityReport, ActivityWatch

__all__ = ["ActivityReport", "ActivityWatch", "Ending", "Event", "MotionPlan", "PlanConfig", "Progress"]
