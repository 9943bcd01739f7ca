"""Who answers in distillation: a policy file, or the checkpoint of any training, a mixture too."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kinesis_control.errors import ConfigurationError
from kinesis_control.observation import ObservationBuilder
from kinesis_control.onnx_file import open_session, read_bytes
from kinesis_control.policy import INPUT_NAME, OUTPUT_NAME, Policy
from kinesis_train.checkpoint import load_checkpoint
from kinesis_train.env import TrackingEnv
from kinesis_train.gating import GATE, restore_mixture
from kinesis_train.mining import heritage
from kinesis_train.walk import build_policy

Array = NDArray[np.float64]


class Teacher(Protocol):
    """Knows what to do.

    Attributes:
        name: for the record.
        decoder: its muscle decoder where it has one to give away, else None.
        heritage: the data that it was made from (mining.heritage).
    """

    name: str
    decoder: nn.Module | None
    heritage: dict[str, Any]

    def answer(self, env: TrackingEnv) -> Array:
        """Excitations (n, n_muscles) for the present state of every member."""


class NetworkTeacher:
    """A checkpoint that was trained on the observation of the environment."""

    def __init__(self, path: Path, env: TrackingEnv) -> None:
        """
        Raises:
            UnavailableError: the checkpoint cannot be read.
            ConfigurationError: it is of another body.
        """
        stored = load_checkpoint(path)
        require_body(path, stored["run"]["body"], env)
        self.name, self.network = f"{stored.get('kind', 'walk')} checkpoint", restore_network(stored, env)
        first = next(iter(getattr(self.network, "experts", [self.network])))
        self.decoder, self.heritage = first.decoder, heritage(stored["facts"])

    @torch.no_grad()
    def answer(self, env: TrackingEnv) -> Array:
        return self.network(torch.from_numpy(env.observation)).numpy().astype(np.float64)


class FileTeacher:
    """A policy file. It gets the observation that its contract asks for, whatever the student's is."""

    decoder = None

    def __init__(self, path: Path, env: TrackingEnv) -> None:
        """
        Raises:
            ContractError: the file is refused.
            ConfigurationError: it runs at another rate, or looks at other moments of the reference.
        """
        contract, offsets = Policy.load(path, env.body.description).contract, env.reference.window.time_offsets
        self.name = contract.name
        self.heritage = heritage({"sources": contract.training.get("motion_data", ()), "clips": contract.training.get("clips", ())})
        if abs(contract.control_dt_s - env.config.control_dt) > 1e-9:
            raise ConfigurationError(f"teacher '{path.name}' runs every {contract.control_dt_s:g} s, the environment every {env.config.control_dt:g} s")
        if len(contract.reference_offsets_s) != len(offsets) or not np.allclose(contract.reference_offsets_s, offsets):
            raise ConfigurationError(f"teacher '{path.name}' looks at {contract.reference_offsets_s} s of the reference, the environment gives {offsets} s")
        self._builder = ObservationBuilder(contract.observation, env.body.description, len(offsets))
        self._seen = np.zeros((env.config.envs, self._builder.size), dtype=np.float32)
        self._session = open_session(read_bytes(path), path)

    def answer(self, env: TrackingEnv) -> Array:
        self._builder.build(env.state, env.reference.window, env.excitation, self._seen)
        # A policy file answers one body at a time.
        rows = [self._session.run([OUTPUT_NAME], {INPUT_NAME: row[None]})[0][0] for row in self._seen]
        return np.stack(rows).astype(np.float64)


def open_teacher(path: Path, env: TrackingEnv) -> Teacher:
    """The teacher in a file: ONNX by its suffix, otherwise a checkpoint."""
    return FileTeacher(path, env) if path.suffix == ".onnx" else NetworkTeacher(path, env)


def require_body(path: Path, body: str, env: TrackingEnv) -> None:
    """Refuse what was trained for another body.

    Raises:
        ConfigurationError: it was.
    """
    if body != env.body.description.name:
        raise ConfigurationError(f"'{path}' was trained for body '{body}', the environment has '{env.body.description.name}'")


def restore_network(stored: dict[str, Any], env: TrackingEnv) -> nn.Module:
    """The policy, or mixture of policies, of a checkpoint of any training; `env` has the observation that it was trained on."""
    run = stored["run"]
    if stored.get("kind") == GATE:
        return restore_mixture(stored, env)
    policy = build_policy(env.body, env, tuple(run["hidden"]), run.get("action", "structured"))
    policy.load_state_dict(stored["learner"]["policy"])
    return policy.eval()
