"""The card that stands beside a shipped policy: data, licence, training and scores, from the contract alone."""

from pathlib import Path
from typing import Any

from kinesis_control.contract import Contract
from kinesis_control.motion.command import Abilities

HEADER = "| trial | survived | 95 % interval | lived [s] | speed [m/s] | speed error [m/s] | mean excitation |"


def card(contract: Contract, size_bytes: int, sha256: str) -> str:
    """Markdown text of the card."""
    t, rows = contract.training, [_score_row(n, s) for n, s in contract.scores.items()]
    able = Abilities.from_training(t).describe()
    lines = [
        f"# {contract.name}",
        "",
        f"Moves body `{contract.body}` ({len(contract.muscle_names)} muscles) on command: {able}.",
        "",
        f"- data: {t['data']}",
        f"- licence: {t['licence']}",
        f"- method: {t['method']}",
        f"- training: {t['steps']:,} environment steps, seed {t['seed']}, {t['wall_seconds'] / 60:.0f} minutes on two cores; "
        "`kinesis train walk`, see docs/training.md",
        f"- made for model {contract.model_hash}, muscle layout {contract.layout_hash}, {contract.control_rate_hz:g} Hz control, "
        f"{contract.physics_rate_hz:g} Hz physics",
        f"- source revision {contract.revision}; torch against ONNX Runtime: {t['torch_onnx_error']:.1e}",
        f"- file: {size_bytes / 1e6:.2f} MB, SHA-256 {sha256}",
        "",
        "## Scores",
        "",
        "Closed loop with the exported file, a random start for each seed, 2 % noise on every excitation: `kinesis train evaluate`.",
        "",
        HEADER,
        "|---" * 7 + "|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _score_row(name: str, s: dict[str, Any]) -> str:
    low, high = s["interval_95"]
    return (
        f"| {name}, {s['seconds']:g} s | {s['survived']} of {s['of']} | {low:.2f}-{high:.2f} | {s['mean_lived_s']:.1f} | "
        f"{_number(s['mean_speed'])} | {_number(s['mean_speed_error'])} | {s['mean_effort']:.3f} |"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def write_card(contract: Contract, policy: Path, sha256: str) -> Path:
    """Write the card beside the policy file; returns its path."""
    target = policy.with_suffix(".md")
    target.write_text(card(contract, policy.stat().st_size, sha256))
    return target
