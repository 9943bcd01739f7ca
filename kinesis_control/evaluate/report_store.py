"""A finished episode report on the disk, so that a run that was stopped goes on where it was. One .npz file: arrays, and the rest as JSON."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.body_state import BodyDescription
from kinesis_control.evaluate.events import Goal, GoalEnd, Push, StatusEvent, Text
from kinesis_control.evaluate.gait_cycles import LegGait
from kinesis_control.evaluate.imitation import ClipScore
from kinesis_control.evaluate.report_json import figure_of
from kinesis_control.evaluate.report_life import LifeReport
from kinesis_control.evaluate.report_series import PlotSeries
from kinesis_control.evaluate.time_base import TimeBase
from kinesis_control.muscles import MuscleLayout

VERSION = 2
_LEG_ARRAYS = ("durations_s", "stance_shares", "speeds")
_EVENTS: dict[str, Any] = {"events": StatusEvent, "goals": Goal, "goal_ends": GoalEnd, "texts": Text, "pushes": Push}


def save_life(path: Path, life: LifeReport, key: str) -> None:
    """Write a report whole or not at all. `key` says what it is of; a file of another key is not read."""
    arrays: dict[str, Any] = {f"series/{name}": values for name, values in life.series.columns.items()}
    arrays |= {f"close_up/{name}": values for name, values in life.series.close_up.items()}
    for i, leg in enumerate(life.legs):
        arrays |= {f"leg{i}/{name}": getattr(leg, name) for name in _LEG_ARRAYS}
        for base in leg.mean:
            arrays |= {f"leg{i}/mean/{base.value}": leg.mean[base], f"leg{i}/deviation/{base.value}": leg.deviation[base]}
    arrays["plain"] = np.array(json.dumps({"version": VERSION, "key": key, **_plain(life)}))
    temporary = path.with_name(f".{path.name}")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    temporary.replace(path)


def load_life(path: Path, key: str) -> LifeReport | None:
    """The report in a file; None where there is none, or one of another key or version, or a broken one."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        plain = json.loads(str(arrays["plain"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if plain.get("version") != VERSION or plain.get("key") != key:
        return None
    return _life(plain, arrays)


def _plain(life: LifeReport) -> dict[str, Any]:
    body = life.body
    return {
        "source": life.source, "policy": life.policy, "policy_sha256": life.policy_sha256, "seed": life.seed, "ticks": life.ticks,
        "begin_ns": life.begin_ns, "end_ns": life.end_ns, "fallen_ns": life.fallen_ns, "event_counts": dict(life.event_counts), "every": life.series.every,
        "body": {**asdict(body), "muscles": list(body.muscles.names)}, "figures": {name: f.as_dict() for name, f in life.figures.items()},
        "clips": [asdict(c) for c in life.clips], "legs": [_plain_leg(leg) for leg in life.legs],
        **{name: [asdict(e) for e in getattr(life, name)] for name in _EVENTS},
    }  # fmt: skip


def _plain_leg(leg: LegGait) -> dict[str, Any]:
    return {"side": leg.side, "muscles": list(leg.muscles), "cycles": leg.cycles, "outliers": leg.outliers, "rejected": dict(leg.rejected)}


def _life(plain: Mapping[str, Any], arrays: Mapping[str, Any]) -> LifeReport:
    series = PlotSeries(every=plain["every"], columns=_under(arrays, "series/"), close_up=_under(arrays, "close_up/"))
    right, left = (_leg(leg, _under(arrays, f"leg{i}/")) for i, leg in enumerate(plain["legs"]))
    events: dict[str, Any] = {name: tuple(kind(**_tuples(e)) for e in plain[name]) for name, kind in _EVENTS.items()}
    return LifeReport(
        source=plain["source"], body=_body(plain["body"]), policy=plain["policy"], policy_sha256=plain["policy_sha256"], seed=plain["seed"],
        ticks=plain["ticks"], begin_ns=plain["begin_ns"], end_ns=plain["end_ns"], fallen_ns=plain["fallen_ns"],
        figures={name: figure_of(name, f) for name, f in plain["figures"].items()}, clips=tuple(ClipScore(**c) for c in plain["clips"]),
        legs=(right, left), series=series, event_counts=plain["event_counts"], **events,
    )  # fmt: skip


def _leg(plain: Mapping[str, Any], arrays: Mapping[str, Any]) -> LegGait:
    bases = {what: {b: arrays[f"{what}/{b.value}"] for b in TimeBase if f"{what}/{b.value}" in arrays} for what in ("mean", "deviation")}
    named = {name: arrays[name] for name in _LEG_ARRAYS}
    return LegGait(**{**plain, "muscles": tuple(plain["muscles"])}, **named, mean=bases["mean"], deviation=bases["deviation"])


def _body(plain: Mapping[str, Any]) -> BodyDescription:
    return BodyDescription(**_tuples({**plain, "muscles": MuscleLayout(names=tuple(plain["muscles"]))}))


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where the dataclasses have tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}


def _under(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
