"""Which way a figure is better."""

SMALLER_IS_BETTER = (
    "imitation.mpjpe", "movement.root_velocity_error", "movement.joint_", "movement.command_variation", "movement.effort", "movement.foot_skate",
    "energy.", "timing.", "emg.plain.rmse", "emg.piecewise.rmse", "goals.distance", "goals.time", "goals.heading_error", "velocity.", "falls.fell",
    "texts.time", "push.return_time", "suite.speed_error",
)  # fmt: skip
LARGER_IS_BETTER = (
    "imitation.success", "imitation.frame_coverage", "emg.plain.r", "emg.piecewise.r", "goals.reached", "falls.upright_time", "texts.understood", "texts.done",
    "push.recovered", "suite.success", "kicks.goals", "kicks.ball_speed",
)  # fmt: skip


def direction(name: str) -> int:
    """1 where a larger figure is better, -1 where a smaller one is, 0 where neither can be said."""
    return -1 if name.startswith(SMALLER_IS_BETTER) else 1 if name.startswith(LARGER_IS_BETTER) else 0
