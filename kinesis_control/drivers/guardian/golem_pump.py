"""Pump and muscles of a golem robot, as the guardian's second grip beside the contactor: never waited for, in a thread of its own.

A golem server keeps the last pressures for ever. When the robot is to stop, the pump is told to stop and the muscles are let loose,
again and again until the server agrees, because nobody else may be left who would.
"""

import contextlib
import logging
import threading

from kinesis_control.errors import KinesisError

_LOG = logging.getLogger("kinesis.guardian")
_AGAIN_S = 0.2
_TIMEOUT_S = 0.2


class GolemPump:
    """Follows the guardian's pump output at a golem server.

    Attributes:
        agreed: the last running state that the server has confirmed; None while unknown.
    """

    def __init__(self, controller: str) -> None:
        from kinesis_control.drivers.golem_client import GolemClient  # the extra `robot` is needed only here

        self._client = GolemClient(controller, controller, _TIMEOUT_S)
        self.agreed: bool | None = None
        self._wanted = False
        self._ended = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="golem-pump", daemon=True)
        self._thread.start()

    def set(self, *, running: bool) -> None:
        """What is wanted; returns at once."""
        if running is not self._wanted:
            self._wanted, self.agreed = running, None
            self._wake.set()

    def _run(self) -> None:
        from kinesis_control.drivers.codecs import golem

        while True:
            ended, wanted = self._ended, self._wanted  # the last round comes after `close` has said what is wanted
            if self.agreed is not wanted:
                calls = (golem.START_PUMP,) if wanted else (golem.STOP_PUMP, golem.LOOSE)
                done = [self._call(method) for method in calls]  # every one of them, also when the first fails
                if all(done) and wanted is self._wanted:
                    self.agreed = wanted
            if ended:
                return
            self._wake.wait(_AGAIN_S)
            self._wake.clear()

    def _call(self, method: str) -> bool:
        try:
            return self._client.command(method).success
        except KinesisError as error:
            _LOG.warning(error)
            return False

    def close(self) -> None:
        """Stop the pump once more, then end."""
        self.set(running=False)
        self._ended = True
        self._wake.set()
        self._thread.join(timeout=2 * _TIMEOUT_S + _AGAIN_S)
        with contextlib.suppress(Exception):  # the process ends; the contactor is what counts
            self._client.close()
