"""The shortest way between two poses for a walker that cannot turn on the spot, and how to follow it.

Dubins (1957): it is made of three arcs of the smallest radius and straights; formulae after Shkel and Lumelsky (2001).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pose = tuple[float, float, float]
"""x, y [m] and heading [rad]."""

WORDS = ("LSL", "RSR", "LSR", "RSL", "RLR", "LRL")
STEP = 0.05  # between two points of a route [m]
LOOK_AHEAD = 0.7  # the point of the route that is walked to lies so far ahead [m]
FREE_HEADINGS = 36  # how many final headings are tried where none is asked for


def _lengths(word: str, a: float, b: float, d: float) -> tuple[float, float, float] | None:
    """Lengths of the three parts in radii, for start heading a, end heading b and distance d; None where there is no such way."""
    sa, sb, ca, cb, cab = math.sin(a), math.sin(b), math.cos(a), math.cos(b), math.cos(a - b)
    if word in ("RLR", "LRL"):
        side = 1.0 if word == "RLR" else -1.0
        cosine = (6.0 - d * d + 2.0 * cab + side * 2.0 * d * (sa - sb)) / 8.0
        if abs(cosine) > 1.0:
            return None
        p = math.tau - math.acos(cosine)
        t = side * a - math.atan2(ca - cb, d - side * (sa - sb)) + 0.5 * p
        return t % math.tau, p, (side * (a - b) - t + p) % math.tau
    first, last = (1.0 if c == "L" else -1.0 for c in (word[0], word[2]))
    if first == last:
        square = 2.0 + d * d - 2.0 * cab + first * 2.0 * d * (sa - sb)
        angle = math.atan2(first * (cb - ca), d + first * (sa - sb))
        offset = 0.0
    else:
        square = -2.0 + d * d + 2.0 * cab + first * 2.0 * d * (sa + sb)
        angle = math.atan2(-first * (ca + cb), d + first * (sa + sb))
        offset = math.atan2(-2.0 * first, math.sqrt(max(square, 0.0)))
    if square < 0.0:
        return None
    t, q = first * (angle - offset - a), last * (b - angle + offset)
    return t % math.tau, math.sqrt(square), q % math.tau


@dataclass(frozen=True, kw_only=True)
class Route:
    """A way as points.

    Attributes:
        points: shape (N, 2), at least two, at most STEP apart [m].
        length: [m].
    """

    points: Array
    length: float


def shortest(start: Pose, end: tuple[float, float, float | None], radius: float) -> Route:
    """The shortest way with arcs of `radius` [m]; a final heading of None leaves it free."""
    headings = [end[2]] if end[2] is not None else _free_headings(start, end[0], end[1], radius)
    dx, dy = end[0] - start[0], end[1] - start[1]
    bearing, d = math.atan2(dy, dx), math.hypot(dx, dy) / radius
    best: tuple[float, str, tuple[float, float, float]] | None = None
    for last in headings:
        for word in WORDS:
            parts = _lengths(word, start[2] - bearing, last - bearing, d)
            if parts is not None and (best is None or sum(parts) < best[0]):
                best = (sum(parts), word, parts)
    assert best is not None  # LSL and RSR are there for every pair of poses
    points = _walk(start, best[1], best[2], radius)
    if len(points) == 1:  # it is there already; a point ahead gives the direction
        points = np.array([start[:2], (start[0] + 1e-3 * math.cos(start[2]), start[1] + 1e-3 * math.sin(start[2]))])
    return Route(points=points, length=best[0] * radius)


def _free_headings(start: Pose, x: float, y: float, radius: float) -> list[float]:
    """Final headings worth a try: that of a tangent from either turning circle to the place, and some all around."""
    headings = [start[2], *(math.tau * k / FREE_HEADINGS for k in range(FREE_HEADINGS))]
    for side in (1.0, -1.0):
        dx, dy = x - (start[0] - side * radius * math.sin(start[2])), y - (start[1] + side * radius * math.cos(start[2]))
        away = math.hypot(dx, dy)
        if away > radius:
            headings.append(math.atan2(dy, dx) + side * math.asin(radius / away))
    return headings


def _walk(start: Pose, word: str, parts: tuple[float, float, float], radius: float) -> Array:
    """Points along the way, at most STEP apart, each part divided evenly; chords of an arc are taken exactly."""
    x, y, yaw = start
    points = [(x, y)]
    for kind, part in zip(word, parts, strict=True):
        n = math.ceil(part * radius / STEP)
        turn = {"L": 1.0, "S": 0.0, "R": -1.0}[kind] * part / max(n, 1)
        chord = 2.0 * radius * math.sin(0.5 * abs(turn)) if turn else part * radius / max(n, 1)
        for _ in range(n):
            x, y = x + chord * math.cos(yaw + 0.5 * turn), y + chord * math.sin(yaw + 0.5 * turn)
            yaw += turn
            points.append((x, y))
    return np.array(points)


class Follower:
    """Pure pursuit (Coulter 1992): walk on the arc through a point of the route some way ahead."""

    def __init__(self, route: Route) -> None:
        self.route, self._at = route, 0

    def left(self, x: float, y: float) -> tuple[float, float]:
        """(way still to go along the route, distance from it) [m] of a body at x, y; the place on the route never goes back."""
        points = self.route.points
        window = points[self._at : self._at + 40]
        apart = np.hypot(window[:, 0] - x, window[:, 1] - y)
        nearest = int(np.argmin(apart))
        self._at += nearest
        rest = (len(points) - 1 - self._at) * self.route.length / (len(points) - 1)
        if rest == 0.0:  # beyond the end counts as negative
            ex, ey = self._last_direction()
            rest = (points[-1, 0] - x) * ex + (points[-1, 1] - y) * ey
        return rest, float(apart[nearest])

    def curvature(self, x: float, y: float, yaw: float) -> float:
        """Of the arc that leads to the point ahead, left positive [1/m]."""
        points = self.route.points
        ahead = self._at + round(LOOK_AHEAD / STEP)
        over = max(ahead - (len(points) - 1), 0) * STEP
        ex, ey = self._last_direction() if over else (0.0, 0.0)
        px, py = points[min(ahead, len(points) - 1)]
        dx, dy = px + over * ex - x, py + over * ey - y
        away = max(math.hypot(dx, dy), 0.5 * LOOK_AHEAD)
        return 2.0 * math.sin(math.remainder(math.atan2(dy, dx) - yaw, math.tau)) / away

    def _last_direction(self) -> tuple[float, float]:
        dx, dy = self.route.points[-1] - self.route.points[-2]
        length = max(math.hypot(dx, dy), 1e-9)
        return dx / length, dy / length
