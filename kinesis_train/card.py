"""The card that stands beside a shipped policy: data, licence, training and scores, from the contract alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinesis_control.contract import Contract
from kinesis_control.motion.clip import MIRRORED
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
        *(f"  - {s['dataset']}, {s['licence']}: {s['credit']}" for s in t.get("motion_data", ())),
        f"- licence: {t['licence']}",
        f"- method: {t['method']}",
        *_made_of(t),
        f"- training: {t['steps']:,} environment steps{_started(t)}, seed {t['seed']}, {t['wall_seconds'] / 60:.0f} minutes on two cores; "
        f"`kinesis train {_command(t)}`, see docs/training.md",
        f"- made for model {contract.model_hash}, muscle layout {contract.layout_hash}, {contract.control_rate_hz:g} Hz control, "
        f"{contract.physics_rate_hz:g} Hz physics",
        f"- source revision {contract.revision}; torch against ONNX Runtime: {t['torch_onnx_error']:.1e}",
        f"- file: {size_bytes / 1e6:.2f} MB, SHA-256 {sha256}",
        *_imitation(t),
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


def _command(training: Mapping[str, Any]) -> str:
    """The training that made the policy."""
    known = {"mixture": "gate", "distilled_from": "distill", "clips": "imitate"}
    return next((command for key, command in known.items() if key in training), "walk")


def _made_of(training: Mapping[str, Any]) -> list[str]:
    """What it was put together from, or learned from."""
    lines = [f"- distilled from: {training['distilled_from']}"] if "distilled_from" in training else []
    if "mixture" in training:
        m = training["mixture"]
        managed = ", ".join(map(str, m["managed_by_experts"]))
        lines.append(f"- mixture of {m['experts']} experts, which manage {managed} of {m['trials']} trials alone; {m['choice']}")
    return lines


def _started(training: Mapping[str, Any]) -> str:
    """Where the training began."""
    steps = training.get("started_from_steps", 0)
    return f" from a policy of {steps:,}" if steps else ""


def _imitation(training: Mapping[str, Any]) -> list[str]:
    """What was imitated, and how well at the end of the training."""
    if "clips" not in training:
        return []
    words = {
        "success05": "success@0.5 {:.2f}", "success015": "success@0.15 {:.2f}", "coverage": "frame coverage {:.2f}",
        "mpjpe_root_mm": "root-relative MPJPE {:.0f} mm",
    }  # fmt: skip
    known = ", ".join(text.format(training["judged"][name]) for name, text in words.items() if name in training["judged"])
    names = training["clips"]
    copies = ", with mirrored copies" if any(n.endswith(MIRRORED) for n in names) else ""
    return [
        f"- imitates {len(names)} clips; on a fixed sample of them, from their start and without noise: {known}",
        f"- clips: {', '.join(sorted({n.removesuffix(MIRRORED) for n in names}))}{copies}",
    ]


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
