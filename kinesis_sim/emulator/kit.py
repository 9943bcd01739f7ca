"""Everything that guardian and bus process need to know of an emulated android, written to one folder.

robot.key        the robot key, 32 bytes          muscles.npz    the policy's muscle model
limits.json      limits of this serial and layout  guardian.json  settings of the guardian
bus.json         settings of the bus process
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from kinesis_control.drivers.body_file import write_body
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs.protection import KEY_BYTES
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.drivers.muscle_model import McKibbenBundle
from kinesis_control.safety.robot_limits_file import FORMAT, write_limits
from kinesis_sim.bodies import Body
from kinesis_sim.emulator.android import FULL_PRESSURE_PA, AndroidConfig
from kinesis_sim.muscle_table import hill_table

MOMENT_ARM_M = 0.003
"""Least moment arm at which a muscle counts as driving a joint [m]."""
_START_TIMEOUT_US = 20_000
"""Emulated devices answer when their process gets the processor, real ones within a few microseconds [us]."""
_GUARD_RAD, _LOOKAHEAD_S = 0.05, 0.1
"""Of the joint guard: light feet reach 15 rad/s, and a muscle needs about 0.1 s to let go."""
FLOW_L_S = 0.28
"""What the limits let all muscles draw together: a little less than the pump gives [l/s]."""


@dataclass(frozen=True, kw_only=True)
class Kit:
    """Paths of what was written, and of the sockets."""

    folder: Path

    @property
    def key(self) -> Path:
        """The robot key."""
        return self.folder / "robot.key"

    @property
    def limits(self) -> Path:
        """Limits of the robot."""
        return self.folder / "limits.json"

    @property
    def muscles(self) -> Path:
        """Table of the policy's muscles."""
        return self.folder / "muscles.npz"

    @property
    def guardian(self) -> Path:
        """Settings of the guardian."""
        return self.folder / "guardian.json"

    @property
    def bus(self) -> Path:
        """Settings of the bus process."""
        return self.folder / "bus.json"

    @property
    def body(self) -> Path:
        """Constant facts of the body."""
        return self.folder / "body.json"

    @property
    def guardian_socket(self) -> Path:
        """Where the guardian listens."""
        return self.folder / "guardian"

    @property
    def board_socket(self) -> Path:
        """Where the safety board listens."""
        return self.folder / "board"

    @property
    def test_socket(self) -> Path:
        """Where the test port listens, if there is one."""
        return self.folder / "test"

    def robot_key(self) -> bytes:
        """The robot key; made when there is none."""
        if not self.key.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.key.touch(mode=0o600)
            self.key.write_bytes(secrets.token_bytes(KEY_BYTES))
        return self.key.read_bytes()


def driver_settings(body: Body, config: AndroidConfig, bus: str, address: dict[str, Any]) -> dict[str, Any]:
    """Configuration of the driver for an emulated android.

    Args:
        bus: name of the driver: golem, ethercat, udp or can_fd.
        address: the entries that say where the android is.
    """
    description = body.description
    values: dict[str, Any] = {"muscles": list(description.muscles.names), "serial": config.serial, **address}
    if bus == "golem":
        top = config.firmware.max_pressure_pa / 100.0
        values["calibration_mbar"] = {name: [0.0, top] for name in description.muscles.names}
        values["n_imus"] = 1
        return values
    if bus == "ethercat":
        values["start_timeout_us"] = _START_TIMEOUT_US
    values["joints"] = list(description.joint_names)
    values["limits_checksum"], values["calibration_checksum"] = config.firmware.checksum, config.calibration
    return values


def limits_document(body: Body, config: AndroidConfig, *, cap: float, has_joints: bool) -> dict[str, Any]:
    """Limits of an emulated android: its pressures, its cap, and the stops of its joints with the muscles that drive towards them."""
    description = body.description
    document: dict[str, Any] = {
        "format": FORMAT, "serial": config.serial, "layout_hash": description.muscles.hash, "cap": cap, "full_pressure_pa": FULL_PRESSURE_PA,
        "flow_l_s": FLOW_L_S, "fill_l_per_pa": _fill(body, config), "slew_up_pa_s": config.firmware.slew_pa_s, "slew_down_pa_s": config.firmware.slew_pa_s,
        "guard_rad": _GUARD_RAD, "guard_lookahead_s": _LOOKAHEAD_S,
    }  # fmt: skip
    if has_joints:
        arms = moment_arms(body)
        names = np.array(description.muscles.names)
        document["joints"] = [
            {
                "name": joint, "low_rad": float(low), "high_rad": float(high),
                "towards_low": names[arms[:, j] > MOMENT_ARM_M].tolist(), "towards_high": names[arms[:, j] < -MOMENT_ARM_M].tolist(),
            }
            for j, (joint, (low, high)) in enumerate(zip(description.joint_names, body.joint_range, strict=True))
        ]  # fmt: skip
    return document


def _fill(body: Body, config: AndroidConfig) -> dict[str, float]:
    """Fluid that each muscle takes for a rise of 1 Pa [l/Pa]."""
    bundle = McKibbenBundle.for_table(hill_table(body.model), full_pressure_pa=FULL_PRESSURE_PA)
    litres = 1e3 * config.plant.fluid_share * bundle.area * bundle.rest_length / bundle.full_pressure_pa
    return {"default": 0.0, **dict(zip(body.description.muscles.names, litres.tolist(), strict=True))}


def moment_arms(body: Body) -> np.ndarray:
    """d(muscle length)/d(joint angle) in the standing pose, dependent joints following; shape (n_muscles, n_joints) [m/rad].

    A muscle pulls towards the shorter length: a positive entry drives its joint towards the lower stop.
    """
    model, data = body.model, mujoco.MjData(body.model)
    step, out = 1e-4, np.zeros((model.nu, len(body.joint_ids)))
    for j, address in enumerate(body.joint_qpos_adr):
        ends = []
        for sign in (1.0, -1.0):
            data.qpos[:] = body.standing_qpos
            data.qpos[address] += sign * step
            body.coupling.fill(data.qpos)
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_tendon(model, data)
            mujoco.mj_transmission(model, data)
            ends.append(data.actuator_length.copy())
        out[:, j] = (ends[0] - ends[1]) / (2.0 * step)
    return out


def write_kit(
    kit: Kit, body: Body, config: AndroidConfig, *, robot: str, bus: str, address: dict[str, Any], cap: float, mode: str = "excitation",
    loop: dict[str, float] | None = None,
) -> None:  # fmt: skip
    """Write all files.

    Args:
        robot: name of the robot. bus, address: as `driver_settings`. cap: share of full pressure. mode: of commands.
        loop: entries of the bus process's LoopConfig.
    """
    kit.robot_key()
    hill_table(body.model).save(kit.muscles)
    write_body(kit.body, body.description)
    write_limits(kit.limits, limits_document(body, config, cap=cap, has_joints=bus != "golem"))
    GuardianSettings(
        robot=robot, socket=str(kit.guardian_socket), io=str(kit.board_socket), key_file=str(kit.key), state_folder=str(kit.folder), serial=config.serial,
        layout_hash=body.description.muscles.hash, posture=config.posture, golem=address.get("controller", "") if bus == "golem" else "",
    ).write(kit.guardian)  # fmt: skip
    BusSettings(
        robot=robot, driver=bus, driver_settings=driver_settings(body, config, bus, address), guardian=str(kit.guardian_socket), limits=str(kit.limits),
        muscle_table=str(kit.muscles) if mode == "excitation" else "", mode=mode, loop=loop or {},
    ).write(kit.bus)  # fmt: skip
