"""Which parts of the person's feet are loaded: heel and ball of each foot, from how slow and how low they are."""

import numpy as np
from numpy.typing import NDArray

from kinesis_sim.retarget.config import ContactThresholds
from kinesis_sim.retarget.geometry import BodyGeometry
from kinesis_sim.retarget.person import ScaledPerson
from kinesis_sim.retarget.signals import hysteresis, low_pass, tidy, velocity

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
RUN_SPEED, RUN_SLACK = 1.6, 0.7  # above this speed [m/s] the thresholds of speed grow by so much a m/s
AT_REST = 0.12  # slower points of a foot are at rest [m/s]
PIVOT_RATE = 0.8  # a foot that turns faster about the vertical turns on its ball, with the heel off the floor [rad/s]
HEEL_STRIKE = 0.05  # with the toes up by more a foot does not pivot: it comes down on its heel, and its heading settles [rad]


def contact_labels(person: ScaledPerson, geometry: BodyGeometry, thresholds: ContactThresholds) -> Mask:
    """Loaded regions in the body's order: right heel, right toes, left heel, left toes; shape (F, 4)."""
    labels = np.zeros((len(person), 4), dtype=bool)
    shortest = max(1, round(thresholds.shortest * person.rate_hz))
    slack = run_slack(person)
    for side in range(2):
        ball = np.array([*geometry.ball[side][:2], -geometry.ankle_height])
        pivots = _pivots(person, side, slack)
        pitch = np.arcsin(np.clip(person.foot[:, side, 2, 0], -1.0, 1.0))
        for column, point in ((0, geometry.heel[side]), (1, ball)):
            place = person.ankle[:, side] + person.foot[:, side] @ point
            speed = np.linalg.norm(velocity(place, person.rate_hz), axis=1)
            loaded = hysteresis(speed / slack, *thresholds.speed) & hysteresis(place[:, 2] / slack**0.5, *thresholds.height)
            # A foot at rest is flat, whatever its markers say; a moving one is on the end that is lower.
            tilt = (-pitch if column == 0 else pitch) * np.clip(speed / AT_REST, 0.3, 1.0)
            loaded &= hysteresis(tilt, *thresholds.tilt)
            if column == 0:
                loaded &= ~(pivots & (pitch < HEEL_STRIKE))
            labels[:, 2 * side + column] = tidy(loaded, shortest)
    return labels


def run_slack(person: ScaledPerson) -> Array:
    """1 in a walk, the more the faster a run, shape (F,): the foot is down for a tenth of a second, and a filter leaves it some speed even then."""
    pace = np.linalg.norm(velocity(low_pass(person.hips, person.rate_hz, 1.0), person.rate_hz)[:, :2], axis=1)
    return np.asarray(1.0 + RUN_SLACK * np.maximum(pace - RUN_SPEED, 0.0))


def _pivots(person: ScaledPerson, side: int, slack: Array) -> Mask:
    heading = np.unwrap(np.arctan2(person.foot[:, side, 1, 0], person.foot[:, side, 0, 0]))
    rate = low_pass(velocity(heading, person.rate_hz), person.rate_hz, 4.0)
    return np.asarray(np.abs(rate) > PIVOT_RATE * slack**2)
