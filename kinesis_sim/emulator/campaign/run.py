"""Runs cases, one rig each, and puts the verdicts into a table."""

import html
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kinesis_control.drivers.codecs.guardian import GuardianState, Request
from kinesis_control.errors import UnavailableError, UnknownNameError
from kinesis_sim.emulator.campaign import cases_commander, cases_host, cases_inside, cases_intruder, cases_robot
from kinesis_sim.emulator.campaign.case import Case, Expect, Scene
from kinesis_sim.emulator.campaign.invariants import Finding, judge
from kinesis_sim.emulator.rig import Rig
from kinesis_sim.emulator.virtual_rig import VirtualRig

_FILES = (cases_commander, cases_host, cases_inside, cases_intruder, cases_robot)
CASES: tuple[Case, ...] = tuple(sorted((case for file in _FILES for case in file.CASES), key=lambda case: (case.number, case.variant)))
MISSING = tuple(number for number in range(1, 85) if number not in {case.number for case in CASES})
"""Numbers of docs/robot/faults.md that are not run yet."""

MUTANTS = {"clamp": "3c", "slew": "8b", "trip": "60b", "deadline": "31d", "end_to_end": "33b", "arm": "17b"}
"""Protection of the valve banks -> the case that must fail when it is switched off."""

_WARM_S, _AFTER_S, _END_S = 0.6, 1.5, 1.2


@dataclass(kw_only=True)
class Result:
    """What became of one case.

    Attributes:
        case, title, body, bus, seed, clock, expect: what was run.
        passed: whether everything was as it had to be. fault: what was published.
        detected_ms: from the fault until it was published; None when it was not. why: what failed, in words.
        findings: one entry an invariant.
    """

    case: str
    title: str
    body: str
    bus: str
    seed: int
    clock: str
    expect: str
    passed: bool = False
    fault: str = ""
    detected_ms: float | None = None
    seconds: float = 0.0
    why: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def select(names: Sequence[str]) -> list[Case]:
    """Cases by number or number and variant; "all" for every one.

    Raises:
        UnknownNameError: no such case.
    """
    if list(names) == ["all"]:
        return list(CASES)
    chosen = []
    for name in names:
        found = [case for case in CASES if name in (case.name, str(case.number))]
        if not found:
            raise UnknownNameError("case", name, [case.name for case in CASES])
        chosen += found
    return chosen


def run_cases(cases: Sequence[Case], *, body: str, bus: str, seed: int, clock: str = "wall", options: tuple[str, ...] = ()) -> Iterator[Result]:
    """Run each case on a rig of its own; cases that make no sense on this link or clock are left out."""
    for case in cases:
        if (not case.links or bus in case.links) and not (case.processes and clock != "wall"):
            yield run_case(case, body=body, bus=bus, seed=seed, clock=clock, options=options)


def run_mutants(*, body: str, bus: str, seed: int, clock: str = "wall", options: tuple[str, ...] = ()) -> Iterator[tuple[str, Result]]:
    """Each protection switched off in turn, with the case that rests on it: every result should be a failed one."""
    for guard, name in MUTANTS.items():
        for result in run_cases(select([name]), body=body, bus=bus, seed=seed, clock=clock, options=(*options, "--without", guard)):
            yield guard, result


def soak(cases: Sequence[Case], seconds: float, *, body: str, bus: str, seed: int, clock: str = "wall", options: tuple[str, ...] = ()) -> Iterator[Result]:
    """Cases drawn at random, each with a seed of its own, until the time is over; the same seed draws the same."""
    rng, until = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < until:
        yield from run_cases([rng.choice(cases)], body=body, bus=bus, seed=rng.randrange(1 << 31), clock=clock, options=options)


def run_case(case: Case, *, body: str, bus: str, seed: int, clock: str = "wall", options: tuple[str, ...] = ()) -> Result:
    """One case, from the start of all processes to the verdict.

    Args:
        clock: "wall", everything in processes of its own, or "lockstep", on a virtual clock that a busy machine does not disturb.
    """
    result = Result(case=case.name, title=case.title, body=body, bus=bus, seed=seed, clock=clock, expect=case.expect.value)
    folder, begun = Path(tempfile.mkdtemp(prefix="kinesis-case-")), time.monotonic()
    rig = (VirtualRig if clock == "lockstep" else Rig)(folder, body=body, bus=bus, seed=seed, options=options)
    scene: Scene | None = None
    with rig.time():
        try:
            scene = _play(case, rig, seed, result)
        except UnavailableError as error:
            result.why.append(str(error))
        finally:
            rig.stop(rest_s=_END_S)
    if scene is not None:
        _judge(case, scene, rig, result)
    result.passed = not result.why
    result.seconds = round(time.monotonic() - begun, 1)
    shutil.rmtree(folder, ignore_errors=True)
    return result


def _play(case: Case, rig: Rig, seed: int, result: Result) -> Scene | None:
    rig.start_emulator()
    if case.prepare is not None:
        case.prepare(rig)
    rig.start_guardian()
    try:
        rig.start_bus()
    except UnavailableError:
        if case.prepare is None:
            raise
        result.notes.append("the bus process refused to start")
    scene = Scene(rig, seed)
    if case.armed:
        rig.arm()
        scene.follow(_WARM_S)
        if scene.guardian_state() is not GuardianState.ACTIVE:
            raise UnavailableError(f"the robot did not become active: {scene.fault() or 'no fault'}")
    case.act(scene)
    if case.expect is Expect.GO:
        scene.follow(0.2)
    else:
        scene.wait(_AFTER_S if case.expect is Expect.STOP else 0.1)
    result.fault = scene.fault()
    _look_at_end(case, scene, result)
    return scene


def _look_at_end(case: Case, scene: Scene, result: Result) -> None:
    """What the stack says at the end of the case, before everything is ended."""
    state = scene.guardian_state()
    if case.expect is Expect.GO and (result.fault or state is not GuardianState.ACTIVE):
        result.why.append(f"was disturbed: {result.fault or state}")
    if case.expect is Expect.REFUSE and state in (GuardianState.SUPPLY_ON, GuardianState.PRECHARGE, GuardianState.ARMED, GuardianState.ACTIVE):
        result.why.append(f"was energised: {state}")
    if case.expect is Expect.STOP and scene.detected_s is None:
        result.why.append("nobody published a fault")
    elif case.expect is Expect.STOP and scene.detected_s is not None and scene.detected_s > case.detect_s:
        result.why.append(f"published after {scene.detected_s:.3f} s, expected {case.detect_s:g} s")
    result.detected_ms = None if scene.detected_s is None else round(1e3 * scene.detected_s, 1)
    if case.expect in (Expect.GO, Expect.EITHER) and not result.fault:
        scene.rig.ask(Request.DISARM)
    result.notes += scene.notes
    result.why += [note for note in scene.notes if note.startswith("VIOLATION")]


def _judge(case: Case, scene: Scene, rig: Rig, result: Result) -> None:
    truth = rig.truth()
    stopped = scene.marked_s if case.expect is Expect.STOP else None
    if stopped is not None and scene.detected_s is not None:
        stopped += scene.detected_s
    held = None
    if case.hold_s is not None and scene.marked_s is not None and result.bus != "golem":  # that one keeps the last pressures for ever
        held = scene.marked_s + case.hold_s
    result.findings = judge(truth, stopped_s=stopped, safe_s=case.safe_s, ended_s=float(truth.time[-1]), refused=case.expect is Expect.REFUSE, held_s=held)
    result.why += [f"{f.name} violated: {f.detail}" for f in result.findings if not f.held and f.name not in case.exempt]


def write_json(path: Path, results: Sequence[Result]) -> None:
    """All results as JSON, with the numbers that are not run yet."""
    document = {"passed": all(r.passed for r in results), "not_run": list(MISSING), "results": [asdict(r) for r in results]}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def write_html(path: Path, results: Sequence[Result]) -> None:
    """All results as one page."""
    rows = "".join(
        f"<tr class='{'ok' if r.passed else 'bad'}'><td>{r.case}</td><td>{html.escape(r.title)}</td><td>{r.body} {r.bus}</td><td>{r.expect}</td>"
        f"<td>{html.escape(r.fault)}</td><td>{'' if r.detected_ms is None else f'{r.detected_ms:g}'}</td>"
        f"<td>{' '.join(f.name for f in r.findings if f.held)}</td><td>{html.escape('; '.join(r.why)) or 'passed'}</td></tr>"
        for r in results
    )
    style = "body{font:14px sans-serif}td,th{padding:2px 8px;text-align:left}.bad{background:#fdd}.ok{background:#efe}"
    head = (
        "<tr><th>case</th><th>what goes wrong</th><th>robot</th><th>expected</th><th>published</th><th>in ms</th><th>invariants held</th><th>verdict</th></tr>"
    )
    passed = sum(r.passed for r in results)
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>Fault campaign</title><style>{style}</style><h1>Fault campaign</h1><p>{passed} of {len(results)} passed; "
        f"not run yet: {', '.join(map(str, MISSING))}</p><table>{head}{rows}</table>\n",
        encoding="utf-8",
    )
