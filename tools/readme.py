"""Fills the table of numbers in README.md from measured files, so that no number there is written by hand.

    ./kinesis bench --json bench.json
    ./kinesis benchmark walking --json walking.json      (and any other suite)
    python tools/readme.py bench.json walking.json ...

Without the walking suite, the scores of the policy are those inside the contract of models/legs80-stand-walk.onnx.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from kinesis_control.contract import read_contract

ROOT = Path(__file__).resolve().parent.parent
POLICY = ROOT / "models" / "legs80-stand-walk.onnx"
BEGIN, END = "<!-- numbers: from `./kinesis bench` and `./kinesis train evaluate` -->", "<!-- end of numbers -->"
ALSO = ("movement.speed", "suite.speed_error", "imitation.mpjpe_root")
"""Figures that stand behind the successes."""
SUITE_AIMS = {("walking", "stand"): "all", ("walking", "walk"): "16 of 20"}
HEADER = "| what | aim | measured: median (lowest to highest) | command |\n|---|---|---|---|"


def three(value: object) -> str:
    """A number with three figures, and never with an exponent."""
    number = float(str(value))
    return f"{number:.0f}" if abs(number) >= 1000.0 else f"{number:.3g}"


def bench_rows(results: list[dict[str, object]]) -> list[str]:
    """One row a measurement of `kinesis bench`."""
    rows = []
    for r in results:
        target = str(r["target"]).strip("()").removeprefix("aim: ")
        rows.append(f"| {r['name']} | {target} | {three(r['median'])} ({three(r['min'])} to {three(r['max'])}) {r['unit']} | `./kinesis bench` |")
    return rows


def score_rows(scores: dict[str, dict[str, object]]) -> list[str]:
    """One row a kind of trial of `kinesis train evaluate`."""
    aims = {"stand": "all", "walk": "16 of 20"}
    rows = []
    for name, s in scores.items():
        low, high = s["interval_95"]  # type: ignore[misc]
        text = f"{s['survived']} of {s['of']} (95 %: {low:.2f}-{high:.2f}), {s['mean_speed']} m/s"
        what = f"{name.replace('_', ' ')}, {s['seconds']:g} s, 2 % noise, seeded starts"
        rows.append(f"| {what} | {aims.get(name.split('_')[0], '')} | {text} | `./kinesis train evaluate` |")
    return rows


def suite_rows(suite: dict[str, Any]) -> list[str]:
    """One row a kind of case of `kinesis benchmark`; refuses a file of another policy than the one that ships."""
    measured = {group["policy_sha256"] for group in suite["groups"]}
    shipped = hashlib.sha256(POLICY.read_bytes()).hexdigest()
    if measured != {shipped}:
        raise SystemExit(f"the benchmark '{suite['suite']}' is of policy {sorted(measured)}, expected {shipped} ({POLICY.name})")
    return [_kind_row(suite["suite"], kind, figures) for kind, figures in suite["kinds"].items()] + emg_rows(suite)


def emg_rows(suite: dict[str, Any]) -> list[str]:
    """Muscles against recordings of people, where the benchmark was run with --emg."""
    rows = []
    for base in ("plain", "piecewise"):
        r, ceiling = (suite["figures"].get(f"emg.{base}.{name}") for name in ("r", "ceiling"))
        if r is None or r["value"] is None:
            continue
        text = f"r {r['value']:.2f} (95 %: {r['interval_95'][0]:.2f}-{r['interval_95'][1]:.2f}), people among themselves {ceiling['value']:.2f}"
        rows.append(f"| muscles against people, {base} time base | | {text} | `./kinesis benchmark {suite['suite']} --emg FILE` |")
    return rows


def _kind_row(suite: str, kind: str, figures: dict[str, Any]) -> str:
    success = figures["suite.success"]
    low, high = success["interval_95"]
    text = f"{round(success['value'] * success['n'])} of {success['n']} (95 %: {low:.2f}-{high:.2f})"
    text += "".join(f", {figures[name]['value']:.3g} {figures[name]['unit']}" for name in ALSO if figures.get(name, {}).get("value") is not None)
    aim = SUITE_AIMS.get((suite, kind.split("_")[0]), "")
    return f"| {suite}: {kind.replace('_', ' ')} | {aim} | {text} | `./kinesis benchmark {suite}` |"


def main(bench: Path, suites: list[Path]) -> None:
    """Rewrite the part of README.md between the markers."""
    results = [json.loads(path.read_text()) for path in suites]
    scores = [] if any(r["suite"] == "walking" for r in results) else score_rows(read_contract(POLICY).scores)
    rows = bench_rows(json.loads(bench.read_text())["results"]) + scores + [row for result in results for row in suite_rows(result)]
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"README.md lacks its markers: expected '{BEGIN}' and '{END}'")
    readme.write_text("\n".join([before + BEGIN, HEADER, *rows, END]) + after)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
