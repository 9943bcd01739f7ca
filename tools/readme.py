"""Fills the table of numbers in README.md from measured files, so that no number there is written by hand.

    ./kinesis bench --json bench.json
    python tools/readme.py bench.json

The scores of the policy are those inside the contract of models/legs80-stand-walk.onnx.
"""

import json
import sys
from pathlib import Path

from kinesis_control.contract import read_contract

ROOT = Path(__file__).resolve().parent.parent
POLICY = ROOT / "models" / "legs80-stand-walk.onnx"
BEGIN, END = "<!-- numbers: from `./kinesis bench` and `./kinesis train evaluate` -->", "<!-- end of numbers -->"
HEADER = "| what | aim | measured: median (lowest to highest) | command |\n|---|---|---|---|"


def bench_rows(results: list[dict[str, object]]) -> list[str]:
    """One row a measurement of `kinesis bench`."""
    rows = []
    for r in results:
        target = str(r["target"]).strip("()").removeprefix("aim: ")
        rows.append(f"| {r['name']} | {target} | {r['median']:.3g} ({r['min']:.3g} to {r['max']:.3g}) {r['unit']} | `./kinesis bench` |")
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


def main(bench: Path) -> None:
    """Rewrite the part of README.md between the markers."""
    rows = bench_rows(json.loads(bench.read_text())["results"]) + score_rows(read_contract(POLICY).scores)
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"README.md lacks its markers: expected '{BEGIN}' and '{END}'")
    readme.write_text("\n".join([before + BEGIN, HEADER, *rows, END]) + after)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
