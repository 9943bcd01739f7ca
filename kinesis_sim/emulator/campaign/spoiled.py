"""A bus process or a guardian that can be broken from inside: its wall clock, its driver, its loop, its counter, its disk.

    python -m kinesis_sim.emulator.campaign.spoiled WORDS_FILE bus|guardian SETTINGS.json

It is the process of the product with a few of its functions wrapped. What is broken is in WORDS_FILE, one word a line, read again
whenever it changes; without the file, nothing is.

    clock SECONDS   time.time and its kin are so far ahead
    driver          the driver raises in every exchange
    loop            the loop raises outside of the driver
    lie PASCAL      the driver sends that pressure to one muscle of each bank, behind every limit, whenever it follows
    rogue           the driver sends FOLLOW although nothing is permitted
    freeze          the counter of commands stands still
    disk            nothing can be written to a file any more (a limit of 0 bytes on every file)
    wrap            before the start: the counter begins 1500 commands before its end
"""

import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.drivers.bus import process as bus
from kinesis_control.drivers.bus.loop import BusLoop
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.valve_bank import CHANNELS
from kinesis_control.drivers.frames import CommandFrame, Control
from kinesis_control.drivers.guardian import process as guardian
from kinesis_control.drivers.registry import load_driver

BEFORE_WRAP = (1 << 32) - 1500
_LIED = slice(None, None, CHANNELS)
"""The muscles that a lying driver is after: the first of each bank, slow and quick ones."""


class Words:
    """What is broken just now."""

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, -1
        self._values: dict[str, float] = {}

    def get(self, word: str) -> float | None:
        """Number behind a word, 0 when it has none; None when it is not there."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if stamp != self._stamp:
            lines = [line.split() for line in self._path.read_text(encoding="utf-8").splitlines()]
            self._stamp, self._values = stamp, {line[0]: float(line[1]) if len(line) > 1 else 0.0 for line in lines if line}
            if "disk" in self._values:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        return self._values.get(word)


def lie(command: CommandFrame, get: Callable[[str], float | None]) -> CommandFrame:
    """What a lying driver sends in the place of a command."""
    false, rogue = get("lie"), get("rogue")
    if rogue is None and (false is None or command.control is not Control.FOLLOW):
        return command
    told = replace(command, values=np.array(command.values), control=Control.FOLLOW)
    told.values[_LIED] = 20e3 if false is None else false
    return told


def _spoil_clock(words: Words) -> None:
    wall, wall_ns = time.time, time.time_ns
    time.time = lambda: wall() + (words.get("clock") or 0.0)
    time.time_ns = lambda: wall_ns() + round(1e9 * (words.get("clock") or 0.0))


def _spoil_driver(words: Words, kind: Any) -> None:
    """The driver's class: it is raised in, and its counter is set, where every link has them."""
    exchange: Callable[..., None] = kind._exchange
    begin: Callable[..., None] = kind._open

    def spoiled_exchange(self: Any, *rest: Any) -> None:
        if words.get("driver") is not None:
            raise RuntimeError("put in by the fault campaign")
        if words.get("freeze") is not None:
            self.image.counter -= 1
        exchange(self, lie(rest[0], words.get), *rest[1:])

    def spoiled_open(self: Any) -> None:
        begin(self)
        if words.get("wrap") is not None:
            self.image.counter = BEFORE_WRAP

    kind._exchange, kind._open = spoiled_exchange, spoiled_open


def _spoil_loop(words: Words) -> None:
    cycle = BusLoop.cycle

    def spoiled_cycle(self: BusLoop, now_ns: int) -> None:
        if words.get("loop") is not None:
            raise RuntimeError("put in by the fault campaign")
        cycle(self, now_ns)

    BusLoop.cycle = spoiled_cycle  # type: ignore[method-assign]


def main() -> int:
    """Wrap, then run the process as it is."""
    file, which, settings = sys.argv[1:]
    words = Words(Path(file))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails as on a full disk, and kills nobody
    _spoil_clock(words)
    if which == "guardian":
        words.get("disk")
        step = guardian.GuardianProcess.cycle

        def spoiled_step(self: Any, now_ns: int) -> None:
            words.get("disk")
            step(self, now_ns)

        guardian.GuardianProcess.cycle = spoiled_step  # type: ignore[method-assign]
        return guardian.main([settings])
    _spoil_driver(words, load_driver(BusSettings.read(Path(settings)).driver))
    _spoil_loop(words)
    return bus.main([settings])


if __name__ == "__main__":
    raise SystemExit(main())
