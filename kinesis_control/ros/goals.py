"""What a goal message or the name of a clip stands for."""

import math
from collections.abc import Sequence
from difflib import get_close_matches

from geometry_msgs.msg import PoseStamped

from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_control.motion.clip import MotionClip
from kinesis_control.motion.library import Library

GOAL_FRAMES = ("odom", "map", "world", "")
"""Frames in which a goal is taken; with nothing to localise by, they are one."""

SHOWN = 5
"""How many names of clips an error offers."""


def read_goal(message: PoseStamped) -> tuple[float, float, float | None]:
    """Place [m] and heading [rad] of a goal; a quaternion of four zeros stands for no heading.

    Raises:
        ConfigurationError: an unknown frame, or an orientation that is not finite.
    """
    frame = message.header.frame_id.lstrip("/")
    if frame not in GOAL_FRAMES:
        raise ConfigurationError(f"got frame '{frame[:60]}', expected one of {', '.join(GOAL_FRAMES[:-1])}")
    q = message.pose.orientation
    if not all(math.isfinite(v) for v in (q.x, q.y, q.z, q.w)):
        raise ConfigurationError(f"got orientation ({q.x}, {q.y}, {q.z}, {q.w}), expected finite numbers")
    size = q.x**2 + q.y**2 + q.z**2 + q.w**2
    # Heading of a quaternion of any length: the direction of its x axis on the floor.
    yaw = math.atan2(2.0 * (q.w * q.z + q.x * q.y), q.w**2 + q.x**2 - q.y**2 - q.z**2) if size > 1e-12 else None
    return message.pose.position.x, message.pose.position.y, yaw


def find_clip(library: Library | None, name: str) -> MotionClip:
    """A clip by name.

    Raises:
        UnavailableError: there is no library, or no such clip; the message offers the nearest names.
    """
    if library is None:
        raise UnavailableError("no motion library is loaded; start the motion node with its parameter 'library'")
    if name not in library:
        asked = name.strip()[:60]
        if not asked:
            raise UnavailableError(f"got an empty name, expected that of a clip in {library.path.name}, for example '{next(iter(library.names), '')}'")
        raise UnavailableError(f"no clip '{asked}' among {len(library)} in {library.path.name}; {_offer(asked, library.names)}")
    return library.clip(name)


def _offer(asked: str, names: Sequence[str]) -> str:
    """The names nearest to one, however it is written: those that hold it, then those that are spelt nearly so."""
    if not names:
        return "the library is empty"
    spelt = {name.casefold(): name for name in names}
    holding = sorted((name for low, name in spelt.items() if asked.casefold() in low), key=len)
    close = [spelt[low] for low in get_close_matches(asked.casefold(), spelt, n=SHOWN, cutoff=0.4)]
    near = list(dict.fromkeys([*holding, *close]))[:SHOWN]
    offer = f"nearest: {', '.join(near)}" if near else f"none is like it; the first are: {', '.join(names[:SHOWN])}"
    return offer + "; 'kinesis motions list' shows all"
