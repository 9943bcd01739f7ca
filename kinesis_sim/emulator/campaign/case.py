"""A case of the campaign, and what its steps may do."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from kinesis_control.drivers.codecs.guardian import GuardianState
from kinesis_control.drivers.frames import Mode
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.rig import Rig

WORK_PA = 60e3
"""Pressure that the robot follows before something goes wrong [Pa]."""


class Expect(Enum):
    """What the stack has to make of it."""

    STOP = "stops"
    """It has to see it, latch it and bring the robot down."""
    GO = "goes on"
    """It must not be disturbed."""
    EITHER = "either"
    """It may stop or go on, as long as nothing is violated."""
    REFUSE = "refuses"
    """It must not even be armed, or begin."""


class Scene:
    """A rig that runs, and what the campaign has seen of it.

    Attributes:
        rig: the processes. pressure: what is commanded; shape (n_muscles,) [Pa].
        marked_s: time of the android when the fault was put in; detected_s: wall time from there until it was published.
        notes: whatever a step wants in the report. refused: whether a start or an arming was refused, as it had to be.
    """

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.pressure = np.full(rig.n_muscles, WORK_PA)
        self.marked_s: float | None = None
        self.detected_s: float | None = None
        self.refused = False
        self.notes: list[str] = []
        self._marked_at = 0.0

    def set(self, component: str, verb: str, value: float = 0.0, **more: float) -> None:
        """Break something; the first time is the mark."""
        assert self.rig.port is not None
        self.mark(f"{component} {verb}")
        self.rig.port.ask(set=component, verb=verb, value=value, **more)

    def mark(self, text: str) -> None:
        """Note that it happens now."""
        assert self.rig.port is not None
        now = float(self.rig.port.ask(note=text)["time"])
        if self.marked_s is None:
            self.marked_s, self._marked_at = now, time.monotonic()

    def follow(self, seconds: float, send: Callable[[int], None] | None = None, *, rate_hz: float = 50.0) -> None:
        """Command for a time; `send` is called with the number of the command instead of the plain one."""
        begun, count = time.monotonic(), 0
        while time.monotonic() - begun < seconds:
            if send is None:
                self.rig.send(self.pressure)
            else:
                send(count)
            count += 1
            self.look()
            left = begun + count / rate_hz - time.monotonic()
            if left > 0.0:
                time.sleep(left)

    def wait(self, seconds: float) -> None:
        """Command nothing for a time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(0.005)

    def send_raw(self, values: np.ndarray, *, mode: Mode = Mode.PRESSURE, stamp_ns: int | None = None, **fields: int) -> None:
        """A command with anything wrong in it."""
        client = self.rig.client
        assert client is not None
        client.fetch()
        state, kept = client.state, {name: int(client.command[name]) for name in fields}
        for name, value in fields.items():
            client.command[name] = value
        stamp = int(state["cycle_ns"]) if stamp_ns is None else stamp_ns
        client.send(values, mode, answers=int(state["seq"]), stamp_ns=stamp, epoch=int(state["epoch"]))
        for name, value in kept.items():
            client.command[name] = value

    def look(self) -> None:
        """See whether somebody has published a fault; the first time counts."""
        if self.detected_s is not None or self.marked_s is None:
            return
        if self.fault():
            self.detected_s = time.monotonic() - self._marked_at

    def fault(self) -> str:
        """The fault that guardian or bus process publish; empty when there is none."""
        client = self.rig.client
        try:
            status = self.rig.operator.poll()
            if status is not None and status.fault:
                return f"guardian {status.fault}: {status.text}"
        except UnavailableError:
            self.rig.forget_operator()
        if client is not None:
            client.fetch()
            if int(client.state["fault"]):
                return f"bus {int(client.state['fault'])}"
        return ""

    def guardian_state(self) -> GuardianState | None:
        """Where the guardian is; None when there is none."""
        try:
            status = self.rig.operator.poll(0.05)
        except UnavailableError:
            self.rig.forget_operator()
            return None
        return None if status is None else GuardianState(status.state)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that goes wrong.

    Attributes:
        number: as in docs/robot/faults.md. variant: letter where a case has several. title: what goes wrong.
        expect: what the stack has to make of it.
        act: what happens, on a robot that follows `WORK_PA`; it returns when everything has happened.
        detect_s: longest time until the fault is published [s]. safe_s: from the fault until all is vented [s].
        hold_s: from the fault until no bank that has a deadline of its own follows any more [s]; None where that is not asked.
        exempt: invariants that the fault itself breaks, and no stack could keep.
        prepare: called before anything is started, with the rig; None for nothing.
        armed: whether the robot is armed before `act`.
        links: links that it makes sense on; empty for all.
        processes: whether it needs guardian, bus process or commander in processes of their own, which there are not on a virtual clock.
    """

    number: int
    variant: str = ""
    title: str
    expect: Expect
    act: Callable[[Scene], None]
    detect_s: float = 0.5
    safe_s: float = 2.0
    hold_s: float | None = None
    exempt: tuple[str, ...] = ()
    prepare: Callable[[Rig], None] | None = None
    armed: bool = True
    links: tuple[str, ...] = ()
    processes: bool = False

    @property
    def name(self) -> str:
        """Number and variant."""
        return f"{self.number}{self.variant}"
