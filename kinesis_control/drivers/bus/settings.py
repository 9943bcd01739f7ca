"""What the bus process of one robot is told."""

from dataclasses import dataclass, field
from typing import Any

from kinesis_control.drivers.base import MuscleDriver
from kinesis_control.drivers.registry import load_driver
from kinesis_control.drivers.service import SettingsFile, require_robot_name
from kinesis_control.errors import ConfigurationError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class BusSettings(SettingsFile):
    """Everything that the bus process is told.

    Attributes:
        robot: name for files, sockets and shared memory; letters, digits, '-' and '_'.
        driver: name of the driver; `driver_settings` its configuration.
        guardian: path of the guardian's socket.
        limits: path of the limits file; empty for the limits of a new robot of `full_pressure_pa`.
        muscle_table: path of the table of the policy's muscles; empty where pressures are commanded.
        mode: "excitation" or "pressure".
        full_pressure_pa: pressure of full strength where there is no limits file [Pa].
        loop: entries of LoopConfig.
        priority: of SCHED_FIFO, 0 to 99; 0 asks for none.
        core: processor to run on; -1 leaves the choice to the system.
    """

    robot: str
    driver: str
    driver_settings: dict[str, Any] = field(default_factory=dict)
    guardian: str
    limits: str = ""
    muscle_table: str = ""
    mode: str = "excitation"
    full_pressure_pa: float = 700e3
    loop: dict[str, float] = field(default_factory=dict)
    priority: int = 60
    core: int = -1

    def __post_init__(self) -> None:
        require_robot_name(self.robot)
        if self.mode not in ("excitation", "pressure"):
            raise UnknownNameError("command mode", self.mode, ("excitation", "pressure"))
        if not 0 <= self.priority <= 99 or self.full_pressure_pa <= 0.0:
            raise ConfigurationError(f"got priority {self.priority} and full_pressure_pa {self.full_pressure_pa}, expected 0 to 99 and above 0")

    def make_driver(self) -> MuscleDriver:
        """The driver, not yet open."""
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in self.driver_settings.items()}
        return load_driver(self.driver).from_mapping(values)
