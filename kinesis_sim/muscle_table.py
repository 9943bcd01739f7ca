"""The muscle parameters of a compiled body, for the control side, which has no MuJoCo."""

import mujoco
import numpy as np

from kinesis_control.drivers.muscle_model import HillTable
from kinesis_control.muscles import MuscleLayout


def hill_table(model: mujoco.MjModel) -> HillTable:
    """Parameters of every muscle of `model`, in actuator order.

    `actuator_gainprm` of a MuJoCo muscle is (range low, range high, peak force, scale, lmin, lmax, vmax, fpmax, fvmax); a peak
    force below 0 stands for scale / acc0.
    """
    gain, lengths = model.actuator_gainprm, model.actuator_lengthrange
    low, high = lengths[:, 0].copy(), lengths[:, 1].copy()
    optimal = (high - low) / np.maximum(1e-15, gain[:, 1] - gain[:, 0])
    peak = np.where(gain[:, 2] >= 0.0, gain[:, 2], gain[:, 3] / np.maximum(1e-15, model.actuator_acc0))
    names = tuple(model.actuator(i).name for i in range(model.nu))
    return HillTable(
        layout_hash=MuscleLayout(names=names).hash, peak_force=peak, optimal_length=optimal, tendon_length=low - gain[:, 0] * optimal,
        lmin=gain[:, 4].copy(), lmax=gain[:, 5].copy(), vmax=gain[:, 6].copy(), fpmax=gain[:, 7].copy(), fvmax=gain[:, 8].copy(),
        length_low=low, length_high=high,
    )  # fmt: skip
