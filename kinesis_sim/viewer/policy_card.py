"""What the page tells of a policy."""

import json
from pathlib import Path
from typing import Any

from kinesis_control.contract import read_contract
from kinesis_control.errors import KinesisError


def policy_card(path: str) -> dict[str, Any]:
    """Contract and card of a policy file, ready for JSON; nothing for "", and `problem` where it cannot be read."""
    if not path:
        return {}
    try:
        contract = read_contract(path)
    except KinesisError as error:
        return {"problem": str(error)}
    card = Path(path).with_suffix(".md")
    return {
        "name": contract.name,
        "body": contract.body,
        "control rate": f"{contract.control_rate_hz:g} Hz",
        "physics rate": f"{contract.physics_rate_hz:g} Hz",
        "observation": ", ".join(f"{term.name} ({term.size})" for term in contract.observation),
        "action": f"{contract.action.mode} {contract.action.low:g} to {contract.action.high:g}",
        "model": contract.model_hash,
        "training": json.dumps(contract.training, default=str)[:600],
        "card": card.read_text(encoding="utf-8")[:6000] if card.is_file() else "",
    }
