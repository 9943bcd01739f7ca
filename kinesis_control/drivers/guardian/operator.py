"""An operator's end of the guardian's socket: hears its status, asks to arm, disarm, stop and reset."""

import select
import time
from pathlib import Path

from kinesis_control.drivers.codecs import guardian as wire
from kinesis_control.drivers.codecs.guardian import MAX_PACKET, Ask, Done, GuardianState, Hello, Refusal, Refused, Request, Role, Status, StopCategory
from kinesis_control.drivers.service import require_local
from kinesis_control.errors import UnavailableError

_CONNECT_S = 2.0


class Operator:
    """One connection.

    Attributes:
        status: the newest one, or None.
        heard_ns: when it came (CLOCK_MONOTONIC) [ns].
    """

    def __init__(self, path: Path, *, name: str = "operator", role: Role = Role.OPERATOR) -> None:
        """Connect and say who this is.

        Raises:
            UnavailableError: no guardian listens there.
        """
        self.status: Status | None = None
        self.heard_ns = 0
        self._answers: list[Done | Refused] = []
        self._link = require_local(path, "guardian", patience_s=_CONNECT_S)
        try:
            self._link.send(Hello(role=role, name=name).pack())
        except OSError as error:
            self._link.close()
            raise UnavailableError(f"no guardian at '{path}': {error}") from error

    def poll(self, wait_s: float = 0.0) -> Status | None:
        """Read what has come, waiting for the first packet for so long; the newest status.

        Raises:
            UnavailableError: the guardian has ended the connection.
        """
        if wait_s > 0.0:
            select.select([self._link], [], [], wait_s)
        while True:
            try:
                packet = self._link.recv(MAX_PACKET + 1)
            except BlockingIOError:
                return self.status
            except OSError as error:
                raise UnavailableError(f"the guardian is gone: {error}") from error
            if not packet:
                raise UnavailableError("the guardian has ended the connection")
            message = wire.unpack(packet)
            if isinstance(message, Status):
                self.status, self.heard_ns = message, time.monotonic_ns()
            elif isinstance(message, (Done, Refused)):
                self._answers.append(message)

    def ask(self, request: Request, category: StopCategory = StopCategory.RAMP, timeout_s: float = 1.0) -> tuple[Refusal, str]:
        """Ask, and wait for the answer: NONE when it has begun.

        Raises:
            UnavailableError: no answer in time, or no guardian any more.
        """
        self._answers.clear()
        try:
            self._link.send(Ask(request=request, category=category).pack())
        except OSError as error:
            raise UnavailableError(f"the guardian is gone: {error}") from error
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            try:
                self.poll(0.02)
            except UnavailableError:
                if not self._answers:  # a refusal may be the last word before the guardian hangs up
                    raise
            if self._answers:
                answer = self._answers[0]
                return (Refusal(answer.reason), answer.text) if isinstance(answer, Refused) else (Refusal.NONE, answer.text)
        raise UnavailableError(f"the guardian did not answer to {request.name} within {timeout_s:g} s")

    def wait_for(self, *states: GuardianState, timeout_s: float) -> Status:
        """Wait until it is in one of these states.

        Raises:
            UnavailableError: not in time; the message says where it is and why.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            status = self.poll(0.02)
            if status is not None and status.state in states:
                return status
        names = " or ".join(state.name for state in states)
        where = "silent" if self.status is None else f"at {GuardianState(self.status.state).name}: {self.status.text}"
        raise UnavailableError(f"the guardian did not reach {names} within {timeout_s:g} s; it is {where}")

    def close(self) -> None:
        """Leave."""
        self._link.close()
