"""Numbers of the plan."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """How what is asked is carried out. Accelerations are those of the generator that follows the plan.

    Attributes:
        acceleration, lateral_acceleration: change of speed [m/s^2].
        yaw_acceleration: change of turn rate [rad/s^2].
        lag: time constant with which the reference follows that ramp [s].
        usual_speed: of a walk of which no speed is said [m/s].
        goal_speed: of a walk to a goal [m/s].
        slowest: below this no steady walk is chosen by the plan itself [m/s].
        run_speed: of a run of which no speed is said [m/s].
        back_speed, side_speed: of walking backward and of side steps [m/s].
        creep_speed: of the last steps to a goal ahead [m/s].
        turn_speed: of a walk that replaces a turn on the spot [m/s].
        usual_radius: of a circle of which no radius is said [m].
        settle: time at rest after which the end of a movement is measured [s].
        goal_tolerance: a goal counts as reached within this [m].
        heading_tolerance: a heading at a goal counts as reached within this [rad].
        exact_tolerance, exact_heading_tolerance: the same for a body that can step any way at once [m], [rad].
        max_goal_distance: goals farther away are refused [m].
        max_queue: most instructions that wait.
        velocity_timeout: a velocity is dropped after this time without another [s].
    """

    acceleration: float = 0.8
    lateral_acceleration: float = 0.5
    yaw_acceleration: float = 1.5
    lag: float = 0.15
    usual_speed: float = 0.6
    goal_speed: float = 0.6
    slowest: float = 0.6
    run_speed: float = 2.2
    back_speed: float = 0.4
    side_speed: float = 0.2
    creep_speed: float = 0.4
    turn_speed: float = 0.8
    usual_radius: float = 2.5
    settle: float = 1.2
    goal_tolerance: float = 0.3
    heading_tolerance: float = 0.2
    exact_tolerance: float = 0.1
    exact_heading_tolerance: float = 0.17
    max_goal_distance: float = 100.0
    max_queue: int = 50
    velocity_timeout: float = 0.5
