"""What a run writes while it goes: log.csv always, TensorBoard event files where the package `tensorboard` is installed, run.json for `train status`."""

import csv
import fcntl
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kinesis_control.errors import ConfigurationError

log = logging.getLogger(__name__)

LOG_FILE, RUN_FILE, EVENTS, LOCK = "log.csv", "run.json", "tensorboard", "lock"


def write_run(folder: Path, *, kind: str, steps: int, body: str, seed: int, **more: Any) -> None:
    """Note what a run is, for those who look at its folder; training itself never reads this."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps({"kind": kind, "steps": steps, "body": body, "seed": seed, **more}, indent=1) + "\n")


class Journal:
    """Rows of figures, one a round.

    Attributes:
        columns: names of the figures, the first is "steps"; figures that a row lacks stay empty, and those not named here are an error.
    """

    def __init__(self, folder: Path, columns: Sequence[str], *, steps: int = 0) -> None:
        """`steps`: where a run is taken up; rows beyond it, of rounds that a kill undid, are taken out.

        Raises:
            ConfigurationError: another training that still runs writes to the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / LOCK).open("w")  # let go by the system, however the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ConfigurationError(f"{folder}: another training that still runs writes to this folder; end it first, or use another folder") from None
        self.columns, self._path = tuple(columns), folder / LOG_FILE
        kept = [row for row in read_rows(self._path) if row["steps"] <= steps]
        with self._path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({k: _text(v) for k, v in row.items()} for row in kept)
        self._events = _event_writer(folder / EVENTS, steps)

    def write(self, figures: Mapping[str, float]) -> None:
        """Add a row."""
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow({k: _text(v) for k, v in figures.items()})
        if self._events is not None:
            for name, value in figures.items():
                if name != "steps":
                    self._events.add_scalar(name, value, int(figures["steps"]))

    def close(self) -> None:
        """Let go of the event file and of the folder."""
        self._lock.close()
        if self._events is not None:
            self._events.close()


def _text(value: float) -> str:
    """A number as it stands in the file: whole ones whole, others with five digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.5g}"


def _event_writer(folder: Path, steps: int) -> Any:
    """TensorBoard's writer; None where it is not installed, which one line says."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        log.info("the package tensorboard is not installed: figures go to %s alone", LOG_FILE)
        return None
    return SummaryWriter(str(folder), purge_step=steps or None)


def read_rows(path: Path) -> list[dict[str, float]]:
    """Rows of a log.csv as numbers, without what is empty; none where there is no file. A last line that a kill cut short is no row."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    rows = [{k: _number(v) for k, v in row.items() if k is not None} for row in csv.DictReader(whole)]
    numbers = [{k: v for k, v in row.items() if v is not None} for row in rows]
    return [row for row in numbers if "steps" in row]


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
