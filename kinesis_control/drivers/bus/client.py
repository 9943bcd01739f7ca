"""The node's end of the bus process: commands out, states in, through shared memory."""

import os

import numpy as np

from kinesis_control.drivers.bus.records import command_record, state_record
from kinesis_control.drivers.bus.shared import SharedBlock
from kinesis_control.drivers.frames import Capabilities, Mode


def block_names(robot: str) -> tuple[str, str]:
    """Names of the shared memory for commands and states."""
    return f"kinesis-{os.getuid()}-{robot}-command", f"kinesis-{os.getuid()}-{robot}-state"


class BusClient:
    """The node's end: writes commands, reads states.

    Attributes:
        command, state: records to fill in and to read; see `records`.
    """

    def __init__(self, robot: str, capabilities: Capabilities) -> None:
        """Attach.

        Raises:
            UnavailableError: the bus process does not run.
            LayoutError: it runs for another robot.
        """
        names, layout = block_names(robot), capabilities.muscles.hash
        self._commands = SharedBlock.attach(names[0], command_record(len(capabilities.muscles)), layout)
        self._states = SharedBlock.attach(names[1], state_record(capabilities), layout)
        self.command, self.state = self._commands.record, self._states.record
        self.command["layout"], self.command["count"] = int(layout, 16), len(capabilities.muscles)
        self.command["length"] = np.nan
        # A client that comes back goes on where the last one stopped: the bus process takes no number twice.
        self._commands.fetch()
        self._seq = int(self.command["seq"])

    def fetch(self) -> bool:
        """Copy the newest state into `state`; True when it is a new one."""
        return self._states.fetch()

    def send(self, values: np.ndarray, mode: Mode, *, answers: int, stamp_ns: int, epoch: int) -> None:
        """Hand over a command that answers the state `answers`, sampled at `stamp_ns`, of the lease `epoch`."""
        self._seq += 1
        record = self.command
        record["seq"], record["answers"], record["stamp_ns"], record["epoch"], record["mode"] = self._seq, answers, stamp_ns, epoch, mode
        record["values"] = values
        self._commands.publish()

    def close(self) -> None:
        """Let go."""
        self.command = self.state = np.zeros(())
        self._commands.close()
        self._states.close()
