"""A guardian's machine with a bus process and a safety board that behave, until a test makes them misbehave."""

import pytest

from kinesis_control.drivers.codecs.guardian import BusFlag, GuardianState, Heartbeat, Request, StopCategory
from kinesis_control.drivers.guardian.board import BoardInputs
from kinesis_control.drivers.guardian.machine import Machine
from kinesis_control.drivers.guardian.seen import Seen
from kinesis_control.drivers.guardian.settings import GuardianSettings

IDLE = BusFlag.SELFTEST_OK | BusFlag.IDENTIFIED | BusFlag.LINK_OK | BusFlag.VENTED


@pytest.fixture
def settings(tmp_path):
    key = tmp_path / "robot.key"
    key.touch(mode=0o600)
    key.write_bytes(bytes(range(32)))
    return GuardianSettings(robot="r", socket=str(tmp_path / "guardian"), io=str(tmp_path / "board"), key_file=str(key), state_folder=str(tmp_path))


class World:
    """Steps a machine every 2 ms; supply and flags follow the machine's outputs unless they are forced."""

    def __init__(self, settings):
        self.machine = Machine(settings)
        self.now_ns, self.supply, self.epoch = 1_000_000_000, 0.0, 1
        self.board = {"channel_a": True, "channel_b": True, "reset_pressed": False}
        self.board_heard = self.bus_alive = self.vents = True
        self.forced_supply = None
        self.add, self.remove = BusFlag(0), BusFlag(0)
        self.permits = []

    def flags(self):
        flags, permit = IDLE, self.machine.permit.name
        if permit in ("ARM", "HOLD", "FOLLOW"):
            flags = (flags | BusFlag.BANKS_ARMED | BusFlag.PRECHARGED) & ~BusFlag.VENTED
        if permit == "FOLLOW":
            flags |= BusFlag.FOLLOWING | BusFlag.COMMANDS_FRESH
        if not self.vents:
            flags &= ~BusFlag.VENTED
        return (flags | self.add) & ~self.remove

    def seen(self):
        target = 0.0 if self.machine.dump_open else 850e3 if self.machine.pump_on else self.supply
        self.supply += 0.05 * (target - self.supply)
        supply = self.supply if self.forced_supply is None else self.forced_supply
        inputs = BoardInputs(**self.board, contactor=self.machine.pump_on, dump_open=self.machine.dump_open, supply_pa=supply)
        if self.bus_alive:
            self.beat_ns = self.now_ns
            self.beat = Heartbeat(epoch=self.epoch, sequence=1, stamp_ns=self.now_ns, flags=int(self.flags()), muscle=7)
        return Seen(now_ns=self.now_ns, board=inputs if self.board_heard else None, epoch=self.epoch, heartbeat=self.beat, heartbeat_ns=self.beat_ns)

    def run(self, seconds):
        for _ in range(round(seconds / 0.002)):
            self.now_ns += 2_000_000
            self.machine.step(self.seen())
            self.permits.append(self.machine.permit)
        return self.machine

    def ask(self, request, category=StopCategory.RAMP):
        return self.machine.ask(request, category, self.seen())[0]

    def to(self, state):
        """Bring the machine to a state on the way to ACTIVE."""
        self.run(0.2)
        assert self.machine.state is GuardianState.ESTOP_CHAIN
        if state is GuardianState.ESTOP_CHAIN:
            return self
        self.ask(Request.ARM)
        if state in (GuardianState.SUPPLY_ON, GuardianState.PRECHARGE):
            self.remove = BusFlag.BANKS_ARMED if state is GuardianState.PRECHARGE else BusFlag(0)
            self.run(0.004 if state is GuardianState.SUPPLY_ON else 1.0)
        else:
            self.remove = BusFlag.FOLLOWING if state is GuardianState.ARMED else BusFlag(0)
            self.run(1.0)
        assert self.machine.state is state
        self.permits.clear()
        return self


@pytest.fixture
def world(settings):
    return World(settings)


@pytest.fixture
def make_world(settings):
    from dataclasses import replace

    return lambda **changes: World(replace(settings, **changes))
