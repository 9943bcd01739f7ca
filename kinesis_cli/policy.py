"""`kinesis policy inspect | check`: what is inside a policy file, and whether it fits a body."""

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinesis_control.contract import Contract


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `policy` with its two actions."""
    text = "inspect a policy file, or check it against a body"
    actions = subparsers.add_parser("policy", help=text, description=text).add_subparsers(dest="action", metavar="ACTION", required=True)

    text = "print the contract inside a policy file"
    inspect = actions.add_parser("inspect", help=text, description=text)
    inspect.add_argument("file", metavar="FILE", help="policy file, or the name of a shipped policy")
    inspect.add_argument("--json", action="store_true", help="print the whole contract as JSON")

    text = "do all that is done before a policy may run, and name everything that does not fit"
    check = actions.add_parser("check", help=text, description=text)
    check.add_argument("file", metavar="FILE", help="policy file, or the name of a shipped policy")
    check.add_argument("--body", required=True, metavar="NAME", help="body that it is to move")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for.

    Raises:
        UnknownNameError: no such policy or body.
        UnavailableError: the file cannot be read.
        ContractError: the file is no policy, or does not fit the body.
    """
    return _inspect(args) if args.action == "inspect" else _check(args)


def _inspect(args: argparse.Namespace) -> int:
    from kinesis_cli.sim_checks import resolve_policy
    from kinesis_control.contract import read_contract

    contract = read_contract(resolve_policy(args.file, body=""))
    print(json.dumps(json.loads(contract.to_json()), indent=2, ensure_ascii=False) if args.json else summary(contract))
    return 0


def _check(args: argparse.Namespace) -> int:
    from kinesis_cli.sim_checks import require_body, resolve_policy
    from kinesis_control.policy import GOLDEN_TOLERANCE, Policy
    from kinesis_sim.bodies import load_body

    path = resolve_policy(args.file, body=args.body)
    require_body(args.body)
    policy = Policy.load(path, load_body(args.body).description)
    contract = policy.contract
    print(f"policy '{contract.name}' fits body '{args.body}': {len(contract.muscle_names)} muscles, {len(contract.joint_names)} joints,")
    print(f"model {contract.model_hash}, golden sample within {GOLDEN_TOLERANCE:g}; sha256 {policy.sha256}")
    return 0


def summary(contract: "Contract") -> str:
    """The contract as lines for people; `--json` has the long lists."""
    from kinesis_control.contract import ACTION_MODES

    action = contract.action
    offsets = ", ".join(f"{t:g}" for t in contract.reference_offsets_s)
    rows = [
        ("policy", contract.name),
        ("schema", str(contract.schema_version)),
        ("revision", contract.revision),
        ("body", f"{contract.body} (model {contract.model_hash})"),
        ("muscles", f"{len(contract.muscle_names)} (layout {contract.layout_hash})"),
        ("joints", f"{len(contract.joint_names)}: {', '.join(contract.joint_names)}"),
        ("contacts", ", ".join(contract.contact_names) or "none"),
        ("rates", f"control {contract.control_rate_hz:g} Hz, physics {contract.physics_rate_hz:g} Hz"),
        ("reference", f"{len(contract.reference_offsets_s)} frames, at {offsets} s" if offsets else "none"),
        ("action", f"{action.mode} ({ACTION_MODES[action.mode]}), {action.low:g} to {action.high:g}, at most {action.slew_per_s:g} per second"),
        ("observation", f"{contract.observation_size} numbers in {len(contract.observation)} terms"),
    ]
    rows += [("", f"  {term.name:<32}{term.size:>5}  x {term.scale:g}") for term in contract.observation]
    for title, values in (("training", contract.training), ("scores", contract.scores)):
        rows += [(title, "")] if values else []
        rows += [("", f"  {key}: {json.dumps(value, ensure_ascii=False)}") for key, value in values.items()]
    return "\n".join(f"{title:<13}{text}".rstrip() for title, text in rows)
