"""The account of a robot's run, and when a run of limited time is over."""

from dataclasses import dataclass

from kinesis_control.drivers.robot_control import RobotControl
from kinesis_control.safety.arming import ControlState

_LATCHED = (ControlState.FAULT, ControlState.ESTOPPED)


@dataclass(kw_only=True)
class RunAccount:
    """What a run came to.

    Attributes:
        armed, active: whether it ever was. disarmed: whether it ended with nothing energised and nothing latched.
        active_s: time in ACTIVE [s]. states: states that were published. misses: control periods without a fresh state.
    """

    armed: bool = False
    active: bool = False
    disarmed: bool = False
    active_s: float = 0.0
    states: int = 0
    misses: int = 0


class RobotRun:
    """Keeps the account; disarms when the time is over.

    Attributes:
        account: so far.
    """

    def __init__(self, control: RobotControl, duration_s: float) -> None:
        """`duration_s`: time in ACTIVE until the robot is disarmed; 0 for no end [s]."""
        self.account = RunAccount()
        self._control, self._duration_s = control, duration_s
        self._active_at: float | None = None
        self._ending = False

    def follow(self, now_s: float) -> bool:
        """Look at the gate; True once a run of limited time has ended, in order or not, and nothing is energised any more."""
        control, account, state = self._control, self.account, self._control.gate.state
        account.armed = account.armed or state in (ControlState.ARMED, ControlState.ACTIVE)
        if state is ControlState.ACTIVE:
            account.active = True
            account.active_s += 0.0 if self._active_at is None else now_s - self._active_at
            self._active_at = now_s
        else:
            self._active_at = None
        if self._duration_s <= 0.0:
            return False
        if not self._ending and account.active_s >= self._duration_s:
            self._ending = True
            control.disarm(now_s)
        over = self._ending or bool(control.error) or state in _LATCHED
        return over and control.down and state in (ControlState.DISARMED, *_LATCHED)

    def close(self) -> RunAccount:
        """The account, with how it ended."""
        self.account.disarmed = self._control.safe and self._control.gate.state is ControlState.DISARMED
        return self.account
