"""Batched physics on a GPU, by MuJoCo Warp (extra: gpu), behind the interface of `BatchPhysics`.

The whole batch advances by one kernel launch a physics step; where the device is a GPU, the launches of a step are recorded once and
replayed. States and sensors go up and down once a control tick. Numbers on the device have single precision: a tick agrees with
mujoco.rollout to about 1e-4 in position, and two runs are not equal to the bit.

On a CPU this works too, far slower than mujoco.rollout: it is there to compare the two.
"""

import copy
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_sim.bodies import Body
from kinesis_train.disturbance import Disturbance
from kinesis_train.physics import BatchPhysics

Array = NDArray[np.float64]
CONTACTS = 48  # room for contacts of one body


class WarpPhysics(BatchPhysics):
    """n copies of a body on the device that Warp prefers: the first GPU, else the CPU."""

    def __init__(self, body: Body, n: int, *, control_dt: float, threads: int, disturbance: Disturbance | None = None, seed: int = 0) -> None:
        """
        Raises:
            UnavailableError: MuJoCo Warp is not installed, or cannot simulate this body.
            ConfigurationError: the disturbance asks for bodies that differ: all bodies on the device are the same.
        """
        super().__init__(body, n, control_dt=control_dt, threads=threads, disturbance=disturbance, seed=seed)
        if len(self.variants) > 1:
            raise ConfigurationError(f"physics 'warp': got a disturbance with {len(self.variants)} different bodies, expected one; use 'rollout' for those")
        self._warp, self._mjw = _modules()
        model = copy.copy(self.model)
        model.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)  # Warp never resets, and refuses the word for it
        mujoco.mj_resetData(model, self.single)
        mujoco.mj_forward(model, self.single)
        # Equalities, limits of joints and tendons, and a pyramid of four edges for each contact.
        rows = int(self.single.ne) + model.njnt + model.ntendon + 4 * CONTACTS
        try:
            self._model = self._mjw.put_model(model)
            self._data = self._mjw.put_data(model, self.single, nworld=n, nconmax=CONTACTS, njmax=rows)
        except NotImplementedError as error:
            raise UnavailableError(f"MuJoCo Warp cannot simulate '{body.description.name}': {error}") from error
        self._recorded: Any = None

    def _advance(self) -> tuple[Array, Array]:
        m, d = self.model, self._data
        for array, values in ((d.qpos, self.qpos), (d.qvel, self.qvel), (d.act, self.act)):
            array.assign(values.astype(np.float32))
        d.qacc_warmstart.zero_()  # as mujoco.rollout begins
        for k in range(self.substeps):
            if k == 0 or self.late is not None:
                d.ctrl.assign(self.control[:, k].astype(np.float32))
            self._step()
        last = np.empty_like(self.full)
        last[:, 0] = self.full[:, 0] + self.substeps * m.opt.timestep
        last[:, 1 : 1 + m.nq], last[:, 1 + m.nq : 1 + m.nq + m.nv] = d.qpos.numpy(), d.qvel.numpy()
        last[:, 1 + m.nq + m.nv :] = d.act.numpy()
        return last, d.sensordata.numpy().astype(np.float64)

    def _step(self) -> None:
        """One physics step of every body."""
        if not self._warp.get_device().is_cuda:
            self._mjw.step(self._model, self._data)
            return
        if self._recorded is None:
            with self._warp.ScopedCapture() as capture:
                self._mjw.step(self._model, self._data)
            self._recorded = capture.graph
        self._warp.capture_launch(self._recorded)


def _modules() -> tuple[Any, Any]:
    """Warp and MuJoCo Warp.

    Raises:
        UnavailableError: they are not installed.
    """
    try:
        import mujoco_warp
        import warp
    except ImportError as error:
        raise UnavailableError(f"physics 'warp' needs the package mujoco-warp, which is not installed ({error}); pip install 'kinesis-ros[gpu]'") from error
    return warp, mujoco_warp
