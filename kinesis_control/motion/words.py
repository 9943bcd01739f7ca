"""Plain English -> what to do, for the small vocabulary of walking. No downloaded weights, no network.

    stand | stop | halt | wait            come to a stand
    walk | go | move [forward]            walk at the usual speed; "slowly", "fast", "at 0.8 m/s" set another
    turn | curve left / right             walk in a curve
    straight                              end the curve
    faster | slower                       change the speed
"""

import re
from dataclasses import dataclass

MAX_TEXT = 400
USUAL_SPEED, SLOW_SPEED, FAST_SPEED = 0.9, 0.6, 1.1
SPEED_STEP, TURN_RATE = 0.2, 0.35
CAPABILITIES = "stand, stop, walk, walk slowly, walk fast, walk at 0.8 m/s, turn left, turn right, straight, faster, slower"

STOP = {"stand", "stop", "halt", "wait", "still", "freeze", "stay"}
WALK = {"walk", "go", "move", "start", "walking", "forward", "forwards", "ahead", "stroll"}
TURN = {"turn", "curve", "veer", "circle", "left", "right"}
QUICK, SLOW = {"fast", "quickly", "quick", "briskly", "brisk"}, {"slow", "slowly", "gently"}
FILLER = {"please", "now", "the", "a", "an", "to", "and", "robot", "start", "straight", "at", "speed", "of", "in"}
FILLER |= {"your", "you", "can", "just", "on", "bit", "keep"}
VELOCITY = re.compile(r"(?<![-\d.])(\d+(?:\.\d+)?)\s*(?:m/s|meters? per second|metres? per second|mps)\b")


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a text asks for; fields that are None leave the present value as it is.

    Attributes:
        speed: forward speed [m/s]; 0 to stand.
        speed_change: added to the present speed [m/s].
        yaw_rate: turn rate, left positive [rad/s].
        reply: what was understood, or why it is refused.
        understood: False where the text is refused and nothing changes.
    """

    speed: float | None = None
    speed_change: float = 0.0
    yaw_rate: float | None = None
    reply: str
    understood: bool = True


def parse(text: str) -> Intent:
    """Read one command; a text that is not wholly understood is refused, never half obeyed."""
    if len(text) > MAX_TEXT:
        return _refusal(f"a text of {len(text)} characters", f"at most {MAX_TEXT} characters are read")
    plain = text.strip().lower()
    velocity = VELOCITY.search(plain)
    words = re.findall(r"[a-z]+", VELOCITY.sub(" ", plain))
    if not words and not velocity:
        return _refusal(_shown(text), "it holds no word that is known")
    if re.search(r"[^a-z\s.,!?;'/-]", VELOCITY.sub(" ", plain)):
        return _refusal(_shown(text), "numbers are read only as a speed in m/s")
    known = STOP | WALK | TURN | QUICK | SLOW | FILLER | {"faster", "slower"}
    unknown = [w for w in words if w not in known]
    if unknown:
        return _refusal(_shown(text), f"the word '{unknown[0][:40]}' is not known")
    return _intent(set(words), float(velocity.group(1)) if velocity else None)


def _intent(words: set[str], velocity: float | None) -> Intent:
    if words & STOP:  # stopping always wins
        return Intent(speed=0.0, yaw_rate=0.0, reply="standing")
    if {"left", "right"} <= words:
        return _refusal("left and right at once", "say one of them")
    if "faster" in words or "slower" in words:
        change = SPEED_STEP if "faster" in words else -SPEED_STEP
        return Intent(speed_change=change, reply=f"walking {abs(change)} m/s {'faster' if change > 0 else 'slower'}")
    speed = velocity if velocity is not None else FAST_SPEED if words & QUICK else SLOW_SPEED if words & SLOW else USUAL_SPEED
    if words & TURN:
        if not words & {"left", "right"}:
            return _refusal("a turn without a side", "say left or right")
        side = 1.0 if "left" in words else -1.0
        return Intent(speed=speed, yaw_rate=side * TURN_RATE, reply=f"walking at {speed:.2f} m/s in a curve to the {'left' if side > 0 else 'right'}")
    if words & WALK or words & (QUICK | SLOW) or "straight" in words or velocity is not None:
        return Intent(speed=speed, yaw_rate=0.0, reply=f"walking straight at {speed:.2f} m/s")
    return _refusal("a text without a verb", "nothing in it asks for a movement")


def _refusal(got: str, why: str) -> Intent:
    return Intent(understood=False, reply=f"not understood: {got}: {why}; I can: {CAPABILITIES}")


def _shown(text: str) -> str:
    """The text as it may be echoed: printable and short."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:60])
    return f"'{clean}'" + ("..." if len(text) > 60 else "")
