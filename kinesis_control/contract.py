"""What a policy needs and gives. The one schema shared by exporter, runner, simulator and evaluator.

A contract travels as JSON in the metadata of the ONNX file, under the key `METADATA_KEY`. Floats are written with `repr`
precision, so reading it back gives an equal contract. Normalisation of the observation is inside the graph.

The graph of schema 1 has one input `observation`, float32 of shape (1, observation_size), and one output `excitation`,
float32 of shape (1, n_muscles), in the muscle order of the contract.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from kinesis_control import contract_values as check
from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import ContractError, LayoutError
from kinesis_control.muscles import MuscleLayout
from kinesis_control.onnx_file import open_session, read_bytes

__all__ = [
    "ACTION_MODES",
    "KNOWN_SCHEMA_VERSIONS",
    "METADATA_KEY",
    "SCHEMA_VERSION",
    "ActionSpec",
    "Contract",
    "GoldenSample",
    "ObservationTerm",
    "difference",
    "read_contract",
]

METADATA_KEY = "kinesis_contract"
SCHEMA_VERSION = 1
KNOWN_SCHEMA_VERSIONS = (1,)

ACTION_MODES = {"excitation": "0..1", "pressure": "Pa", "length": "m", "tension": "N"}
"""Known meanings of an action value, with their unit; the names of the constants in MuscleCommand.msg."""


@dataclass(frozen=True, kw_only=True)
class ObservationTerm:
    """One block of the observation; the terms stand in the observation in the order of the contract.

    Attributes:
        name: term known to `kinesis_control.observation`, for example "joint_position".
        size: how many numbers it adds, at least 1.
        scale: positive factor that the observation builder multiplies them by.
    """

    name: str
    size: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        check.text("observation term name", self.name)
        check.whole(f"size of term '{self.name}'", self.size)
        object.__setattr__(self, "scale", check.positive(f"scale of term '{self.name}'", self.scale))


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """Meaning and limits of one action value; the same for every muscle.

    Attributes:
        mode: one of `ACTION_MODES`, which gives the unit.
        low, high: range of a value, in that unit.
        slew_per_s: largest change of a value per second, in that unit; enforced at the edge of the body.
    """

    mode: str = "excitation"
    low: float = 0.0
    high: float = 1.0
    slew_per_s: float

    def __post_init__(self) -> None:
        if self.mode not in ACTION_MODES:
            raise ContractError(f"action mode: got {self.mode!r}, expected one of {', '.join(ACTION_MODES)}")
        object.__setattr__(self, "low", check.number("action low", self.low))
        object.__setattr__(self, "high", check.number("action high", self.high))
        object.__setattr__(self, "slew_per_s", check.positive("action slew_per_s", self.slew_per_s))
        if not self.low < self.high:
            raise ContractError(f"action range: got low {self.low!r} and high {self.high!r}, expected low < high")


@dataclass(frozen=True, kw_only=True)
class GoldenSample:
    """One observation and the action that the graph must answer, |error| < 1e-5 per value.

    Attributes:
        observation: observation_size numbers, as they enter the graph.
        action: n_muscles numbers, as they leave it.
    """

    observation: tuple[float, ...]
    action: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "observation", check.numbers("golden observation", self.observation))
        object.__setattr__(self, "action", check.numbers("golden action", self.action))


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything that has to match between a policy and the body it is to move.

    Attributes:
        name: name of the policy, for example "legs80-stand-walk".
        body: registry name of the body.
        model_hash: `BodyDescription.model_hash` the policy was made with.
        muscle_names, layout_hash: order of the action and of every muscle term, and the hash of that order.
        joint_names: order of every joint term.
        contact_names: order of every contact term; may be empty.
        control_rate_hz: how often the policy runs.
        physics_rate_hz: rate of the simulator it was trained in, a whole multiple of the control rate.
        observation: terms in order.
        reference_offsets_s: times of the reference frames after the state [s], increasing, none negative; may be empty.
        action: meaning and limits of the output.
        training: data, licence, seeds, steps; anything that JSON can hold.
        revision: source revision it was exported from.
        scores: figures measured on the exported file; anything that JSON can hold.
        golden: sample that is replayed before a policy counts as ready.
        schema_version: version of this schema, one of `KNOWN_SCHEMA_VERSIONS`.

    Raises:
        ContractError: a value is missing, of the wrong type or range, or disagrees with another one.
    """

    name: str
    body: str
    model_hash: str
    muscle_names: tuple[str, ...]
    layout_hash: str
    joint_names: tuple[str, ...]
    contact_names: tuple[str, ...]
    control_rate_hz: float
    physics_rate_hz: float
    observation: tuple[ObservationTerm, ...]
    reference_offsets_s: tuple[float, ...]
    action: ActionSpec
    training: dict[str, Any] = field(default_factory=dict)
    revision: str = "unknown"
    scores: dict[str, Any] = field(default_factory=dict)
    golden: GoldenSample
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        _require_schema(self.schema_version)
        for key in ("name", "body", "model_hash", "revision"):
            check.text(key, getattr(self, key))
        for key in ("muscle_names", "joint_names", "contact_names"):
            object.__setattr__(self, key, check.names(key, getattr(self, key)))
        for key in ("control_rate_hz", "physics_rate_hz"):
            object.__setattr__(self, key, check.positive(key, getattr(self, key)))
        for key in ("training", "scores"):
            object.__setattr__(self, key, check.plain_json(key, getattr(self, key)))
        object.__setattr__(self, "observation", tuple(self.observation))
        object.__setattr__(self, "reference_offsets_s", check.numbers("reference_offsets_s", self.reference_offsets_s))
        self._require_agreement()

    def _require_agreement(self) -> None:
        """Check the values against each other."""
        if self.layout_hash != self.muscles.hash:
            raise ContractError(f"layout_hash: got {self.layout_hash!r}, but the muscle names hash to {self.muscles.hash!r}")
        ratio = self.physics_rate_hz / self.control_rate_hz
        if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-9 * ratio:
            raise ContractError(f"rates: physics {self.physics_rate_hz} Hz is not a whole multiple of control {self.control_rate_hz} Hz")
        check.names("observation terms", tuple(term.name for term in self.observation), at_least=1)
        offsets = self.reference_offsets_s
        if any(b <= a for a, b in pairwise(offsets)) or any(t < 0.0 for t in offsets):
            raise ContractError(f"reference_offsets_s: got {offsets}, expected increasing times, none negative")
        for what, got, expected in (
            ("observation", len(self.golden.observation), self.observation_size),
            ("action", len(self.golden.action), len(self.muscle_names)),
        ):
            if got != expected:
                raise ContractError(f"golden {what}: got {got} values, expected {expected}")

    @classmethod
    def for_body(cls, body: BodyDescription, **rest: Any) -> "Contract":
        """A contract whose body, model hash, muscle, joint and contact names are those of `body`."""
        return cls(
            body=body.name,
            model_hash=body.model_hash,
            muscle_names=body.muscles.names,
            layout_hash=body.muscles.hash,
            joint_names=body.joint_names,
            contact_names=body.contact_names,
            **rest,
        )

    @cached_property
    def muscles(self) -> MuscleLayout:
        """The muscle names as a layout."""
        try:
            return MuscleLayout(names=self.muscle_names)
        except LayoutError as error:
            raise ContractError(f"muscle_names: {error}") from error

    @property
    def observation_size(self) -> int:
        """Length of the observation vector."""
        return sum(term.size for term in self.observation)

    @property
    def control_dt_s(self) -> float:
        """Control period [s]."""
        return 1.0 / self.control_rate_hz

    def to_json(self) -> str:
        """JSON text that `from_json` turns back into an equal contract."""
        return json.dumps(asdict(self), allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Contract":
        """Contract written by `to_json`.

        Raises:
            ContractError: not JSON, another schema version, missing or unknown keys, or a wrong value.
        """
        try:
            data = json.loads(text, parse_constant=check.refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ContractError(f"contract is not JSON: {error}") from error
        if not isinstance(data, dict):
            raise ContractError(f"contract: got a JSON {type(data).__name__}, expected an object")
        # The version comes first: the keys of another version would only be reported as wrong ones.
        _require_schema(data.get("schema_version"))
        values = check.keys_of(cls, data, "contract")
        terms = check.items("observation", values["observation"])
        values["observation"] = tuple(ObservationTerm(**check.keys_of(ObservationTerm, t, "observation term")) for t in terms)
        values["action"] = ActionSpec(**check.keys_of(ActionSpec, values["action"], "action"))
        values["golden"] = GoldenSample(**check.keys_of(GoldenSample, values["golden"], "golden sample"))
        return cls(**values)

    def to_metadata(self) -> dict[str, str]:
        """Key and value for the custom metadata of the ONNX file."""
        return {METADATA_KEY: self.to_json()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Contract":
        """Contract in the custom metadata of an ONNX file.

        Raises:
            ContractError: there is none, or it is not valid.
        """
        if METADATA_KEY not in metadata:
            found = ", ".join(sorted(metadata)) or "none"
            raise ContractError(f"no contract inside: expected metadata key '{METADATA_KEY}', found: {found}")
        return cls.from_json(metadata[METADATA_KEY])


def _require_schema(got: object) -> None:
    """Refuse a schema version that this code does not know."""
    if isinstance(got, bool) or got not in KNOWN_SCHEMA_VERSIONS:
        known = ", ".join(str(v) for v in KNOWN_SCHEMA_VERSIONS)
        raise ContractError(f"contract schema version: got {got!r}, known: {known}")


def difference(contract: Contract, body: BodyDescription) -> tuple[str, ...]:
    """Every term in which `body` is not what the policy was made for, one line each; empty when it fits."""
    lines = []
    for what, expected, got in (("body", contract.body, body.name), ("model hash", contract.model_hash, body.model_hash)):
        if expected != got:
            lines.append(f"{what}: the policy was made for '{expected}', got '{got}'")
    muscles = contract.muscles.difference(body.muscles)
    if muscles:
        lines.append(f"muscles: {muscles}")
    if contract.layout_hash != body.muscles.hash:
        lines.append(f"layout hash: the policy was made for '{contract.layout_hash}', got '{body.muscles.hash}'")
    for what, wanted, found in (
        ("joints", contract.joint_names, body.joint_names),
        ("contacts", contract.contact_names, body.contact_names),
    ):
        if wanted != found:
            lines.append(f"{what}: {check.names_difference(wanted, found)}")
    return tuple(lines)


def read_contract(path: str | Path) -> Contract:
    """Contract inside an ONNX file, read through ONNX Runtime; nothing of the file is run.

    Raises:
        UnavailableError: there is no such file, or it cannot be read.
        ContractError: not an ONNX file, no contract inside, or a contract that is not valid.
    """
    path = Path(path)
    session = open_session(read_bytes(path), path)
    try:
        return Contract.from_metadata(session.get_modelmeta().custom_metadata_map)
    except ContractError as error:
        raise ContractError(f"'{path}': {error}") from error
