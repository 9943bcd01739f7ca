"""A trained policy: an ONNX file that is refused unless everything about it fits, then run by ONNX Runtime on one thread."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession, OrtValue

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.contract import Contract, difference
from kinesis_control.errors import ContractError, KinesisError
from kinesis_control.observation import ObservationBuilder
from kinesis_control.onnx_file import open_session, read_bytes, require_finite_weights
from kinesis_control.reference import ReferenceWindow
from kinesis_control.safety.faults import Fault

INPUT_NAME = "observation"
OUTPUT_NAME = "excitation"
GOLDEN_TOLERANCE = 1e-5


class PolicyFaultError(KinesisError):
    """A policy can give no command for one state; `fault` names why. The next state may be fine again."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.name}: {detail}")
        self.fault = fault


class Policy:
    """State and reference in, one excitation per muscle out.

    Attributes:
        contract: what it was made for.
        path: file it was loaded from.
        sha256: hash of that file, 64 hexadecimal digits.
    """

    @classmethod
    def load(cls, path: str | Path, body: BodyDescription | None = None) -> "Policy":
        """Open a policy file, check all of it, and replay its golden sample.

        Args:
            body: body it is to move; None checks everything but that.

        Raises:
            UnavailableError: the file cannot be read.
            ContractError: the file is no policy, is damaged, holds a NaN, was made for another body, or answers otherwise
                than where it was made.
        """
        path = Path(path)
        content = read_bytes(path)
        session = open_session(content, path)
        try:
            contract = Contract.from_metadata(session.get_modelmeta().custom_metadata_map)
            _require_graph(session, contract)
            require_finite_weights(content)
            policy = cls(session, contract, path, hashlib.sha256(content).hexdigest())
            if body is not None:
                policy.require_body(body)
            policy.replay_golden()
        except KinesisError as error:
            raise ContractError(f"policy '{path}' is refused: {error}") from error
        return policy

    def __init__(self, session: InferenceSession, contract: Contract, path: Path, sha256: str) -> None:
        """For `load`, which checks what this takes for granted."""
        self.contract = contract
        self.path = path
        self.sha256 = sha256
        # The sizes of the terms depend on the contract alone; mass and height are not known from it, and not asked for.
        body = BodyDescription(
            name=contract.body,
            muscles=contract.muscles,
            joint_names=contract.joint_names,
            contact_names=contract.contact_names,
            key_body_names=(),
            model_hash=contract.model_hash,
            mass=0.0,
            standing_height=0.0,
        )
        self._builder = ObservationBuilder(contract.observation, body, len(contract.reference_offsets_s))
        self._observation = np.zeros((1, contract.observation_size), dtype=np.float32)
        self._output = np.zeros((1, len(contract.muscle_names)), dtype=np.float32)
        self._action = np.zeros(len(contract.muscle_names))
        self._episode = 0
        self._session = session
        self._binding = session.io_binding()
        # The bound values share the memory of the two arrays: no copy in, none out.
        self._bound = (OrtValue.ortvalue_from_numpy(self._observation), OrtValue.ortvalue_from_numpy(self._output))
        self._binding.bind_ortvalue_input(INPUT_NAME, self._bound[0])
        self._binding.bind_ortvalue_output(OUTPUT_NAME, self._bound[1])

    def require_body(self, body: BodyDescription) -> None:
        """Refuse a body that the policy was not made for.

        Raises:
            ContractError: with one line for each term that differs.
        """
        lines = difference(self.contract, body)
        if lines:
            raise ContractError("it does not fit this body:" + "".join(f"\n  {line}" for line in lines))

    def replay_golden(self) -> None:
        """Run the golden sample.

        Raises:
            ContractError: the answer differs from the recorded one by `GOLDEN_TOLERANCE` or more, or is not finite.
        """
        golden = self.contract.golden
        self._observation[0] = golden.observation
        self._run()
        error = np.abs(self._output[0] - np.array(golden.action))
        if not error.max() < GOLDEN_TOLERANCE:
            worst = self.contract.muscle_names[int(np.argmax(np.where(np.isfinite(error), error, np.inf)))]
            raise ContractError(f"golden sample: got |error| {error.max():.3g} (muscle '{worst}'), expected below {GOLDEN_TOLERANCE:g}")

    def reset(self) -> None:
        """Forget the previous action; a new `episode` in a state does this too."""
        self._action.fill(0.0)

    def act(self, state: BodyState, reference: ReferenceWindow) -> NDArray[np.float64]:
        """Excitations for a state, in the unit of the contract's action mode.

        Returns:
            Shape (n_muscles,), a buffer that the next call overwrites. The network's answer as it is: the limits are
            enforced at the edge of the body.

        Raises:
            PolicyFaultError: state, reference or answer is not finite; the previous action is kept.
        """
        broken = state.first_non_finite()
        if broken is not None:
            raise PolicyFaultError(Fault.NON_FINITE_STATE, f"'{broken}' of state {state.seq}")
        if state.episode != self._episode:
            self._episode = state.episode
            self.reset()
        self._builder.build(state, reference, self._action, self._observation[0])
        # The sum is finite unless a value is not, or it overflows; the exact test runs only then.
        if not np.isfinite(self._observation.sum()) and not np.isfinite(self._observation).all():
            raise PolicyFaultError(Fault.NON_FINITE_REFERENCE, f"in answer to state {state.seq}")
        self._run()
        if not np.isfinite(self._output.sum()):
            raise PolicyFaultError(Fault.NON_FINITE_POLICY, f"in answer to state {state.seq}")
        np.copyto(self._action, self._output[0])
        return self._action

    def _run(self) -> None:
        """Network: `_observation` -> `_output`."""
        self._session.run_with_iobinding(self._binding)


def _require_graph(session: InferenceSession, contract: Contract) -> None:
    """Refuse a graph whose input and output are not those of the schema."""
    for what, nodes, name, size in (
        ("input", session.get_inputs(), INPUT_NAME, contract.observation_size),
        ("output", session.get_outputs(), OUTPUT_NAME, len(contract.muscle_names)),
    ):
        got = ", ".join(f"{n.name}: {n.type} {list(n.shape)}" for n in nodes)
        expected = f"{name}: tensor(float) {[1, size]}"
        if got != expected:
            raise ContractError(f"graph {what}: got {got}, expected {expected}")
