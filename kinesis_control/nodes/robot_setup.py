"""What the driver node is told: its parameters, the files they name, and the way to the bus process."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from rclpy.node import Node

from kinesis_control.body_state import BodyDescription
from kinesis_control.contract import read_contract
from kinesis_control.drivers.body_estimate import needed_fields
from kinesis_control.drivers.body_file import read_body
from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.frames import Capabilities
from kinesis_control.drivers.muscle_model import HillTable
from kinesis_control.errors import ConfigurationError, UnavailableError
from kinesis_control.ros.parameters import declare, declare_strings
from kinesis_control.safety.limits import Limits

_AGAIN_S = 0.01


@dataclass(frozen=True, kw_only=True)
class RobotSetup:
    """Everything from files and parameters.

    Attributes:
        settings: of the bus process, as it was started with. body: constant facts.
        robot: what the driver measures and takes. needs: fields of a body state that the policy looks at.
        limits: of the gate. table: the policy's muscles; None without a muscle model.
        full_pressure_pa: pressure of full strength [Pa].
        fade_s: from full excitation to none [s]. duration_s: in ACTIVE until the end, 0 for none [s]. start_s: longest wait of configure [s].
        autostart: configure and activate by itself. chain: lifecycle nodes that are deactivated with this one.
    """

    settings: BusSettings
    body: BodyDescription
    robot: Capabilities
    needs: tuple[str, ...]
    limits: Limits
    table: HillTable | None
    full_pressure_pa: float
    fade_s: float
    duration_s: float
    start_s: float
    autostart: bool
    chain: list[str]


def read_setup(node: Node) -> RobotSetup:
    """Declare the parameters and read what they name.

    Raises:
        ConfigurationError: a value or file that cannot be used.
        KinesisError: a policy or driver that cannot be used.
    """
    files = {
        "settings": declare(node, "settings", "", "Settings of the bus process (JSON), as it was started with."),
        "body_file": declare(node, "body_file", "", "Facts of the body (JSON): names, mass, hashes."),
        "policy": declare(node, "policy", "", "Policy file; control rate, slew limit and the sensors that are needed come from its contract."),
    }
    fade_s = declare(node, "fade_s", 0.2, "Time from full excitation to none [s].", low=0.01, high=5.0)
    duration_s = declare(node, "duration", 0.0, "Time in ACTIVE until the robot is disarmed and the node ends [s]; 0 for no end.", low=0.0, high=1e6)
    start_s = declare(node, "startup_timeout_s", 20.0, "How long configure waits for bus process and guardian [s].", low=0.1, high=600.0)
    autostart = declare(node, "autostart", False, "Configure and activate by itself; end the process where that is refused.")
    chain = declare_strings(node, "chain", "Lifecycle nodes that are deactivated with this one when the robot is in error.")
    for name, path in files.items():
        if not Path(path).is_file():
            raise ConfigurationError(f"parameter '{name}': got '{path}', expected the path of a file")
    settings, body, contract = BusSettings.read(Path(files["settings"])), read_body(Path(files["body_file"])), read_contract(files["policy"])
    if settings.mode != "excitation":
        raise ConfigurationError(f"the bus process takes commands in mode '{settings.mode}', a policy gives excitations")
    limits = Limits(
        n_muscles=len(body.muscles), layout_hash=body.muscles.hash, slew_per_s=contract.action.slew_per_s,
        control_dt_s=contract.control_dt_s, max_age_s=3.0 * contract.control_dt_s, max_seq_lag=1,
    )  # fmt: skip
    return RobotSetup(
        settings=settings, body=body, robot=settings.make_driver().capabilities, needs=needed_fields(term.name for term in contract.observation), limits=limits,
        table=HillTable.load(Path(settings.muscle_table), body.muscles) if settings.muscle_table else None, full_pressure_pa=_full_pressure_pa(settings),
        fade_s=fade_s, duration_s=duration_s, start_s=start_s, autostart=autostart, chain=chain,
    )  # fmt: skip


def attach(setup: RobotSetup, until_s: float) -> BusClient:
    """The bus process's shared memory, with a first state in it.

    Args:
        until_s: when to give up, by the monotonic clock [s].

    Raises:
        UnavailableError: it is not there in time.
        LayoutError: it runs another robot.
    """
    client: BusClient | None = None
    while True:
        try:
            client = client or BusClient(setup.settings.robot, setup.robot)
            if client.fetch():
                return client
            trouble = UnavailableError(f"the bus process of robot '{setup.settings.robot}' gives no state ({setup.start_s:g} s)")
        except UnavailableError as error:
            trouble = error
        if time.monotonic() > until_s:
            if client is not None:
                client.close()
            raise trouble
        time.sleep(_AGAIN_S)


def _full_pressure_pa(settings: BusSettings) -> float:
    """Pressure of full strength as the bus process takes it [Pa]; the bus process is who checks the file.

    Raises:
        ConfigurationError: the limits file cannot be read.
    """
    if not settings.limits:
        return settings.full_pressure_pa
    try:
        value = json.loads(Path(settings.limits).read_text(encoding="utf-8"))["full_pressure_pa"]
        return float(max(value.values()) if isinstance(value, dict) else value)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"limits '{settings.limits}': full_pressure_pa cannot be read: {error}") from error
