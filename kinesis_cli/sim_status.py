"""The live status line of `kinesis sim`: redrawn in place on a terminal, a line every few seconds in a log file."""

import shutil
from typing import TextIO

from kinesis_cli.sim_summary import RunSummary

REDRAW_S = 0.2
"""Time between two drawings on a terminal [s]."""

LOG_S = 5.0
"""Time between two lines where the output is not a terminal [s]."""


class StatusLine:
    """Draws the line at most as often as the output can take."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._period = REDRAW_S if self._live else LOG_S
        self._next = 0.0
        self._drawn = False

    def update(self, summary: RunSummary, now_s: float) -> None:
        """Draw if it is time; `now_s` is monotonic [s]."""
        if now_s < self._next:
            return
        self._next = now_s + self._period
        text = line(summary)
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[K" + text[:width])
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
        self._drawn = True

    def write(self, text: str) -> None:
        """Print a full line above the status line."""
        self.clear()
        self._stream.write(text + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line off the terminal."""
        if self._live and self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


def line(summary: RunSummary) -> str:
    """The run in one line of text."""
    if summary.start_s is None:
        return "starting: waiting for the first body state"
    edge = summary.edge
    faults = ", ".join(f"{name} x{count}" for name, count in summary.faults().items()) or "none"
    rate = f"{edge['rate_hz']:.1f} Hz  " if edge.get("rate_hz") else ""
    return (
        f"t {summary.now_s:7.2f} s  {edge.get('state', '-'):<8}  {summary.mode:<6} speed {summary.speed:5.2f} m/s  height {summary.position[2]:.2f} m  "
        f"way {summary.distance_m:6.1f} m  {rate}x{summary.real_time_factor:.1f} real time  "
        f"misses {edge.get('deadline_misses', 0)}  faults: {faults}"
    )
