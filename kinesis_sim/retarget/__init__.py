"""Recorded human motion onto our bodies: calibrate the skeleton, scale the person, plant the feet, solve with mink, judge the result."""

from kinesis_sim.retarget.calibration import SkeletonCalibration, gather, skeleton_key
from kinesis_sim.retarget.config import ContactThresholds, RetargetConfig
from kinesis_sim.retarget.pipeline import Retargeter, clip_poses

__all__ = ["ContactThresholds", "RetargetConfig", "Retargeter", "SkeletonCalibration", "clip_poses", "gather", "skeleton_key"]
