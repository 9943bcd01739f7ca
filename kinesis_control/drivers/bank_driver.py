"""What every link that carries valve-bank records shares: configuration, identification, cycle, safe state."""

import time
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from kinesis_control.drivers.bank_image import BankImage
from kinesis_control.drivers.base import MuscleDriver, SafeState
from kinesis_control.drivers.codecs.protection import Verdict
from kinesis_control.drivers.codecs.valve_bank import CHANNELS, MAX_COUNT, PRESSURE_PA, banks_of
from kinesis_control.drivers.errors import IdentityError, LinkError
from kinesis_control.drivers.frames import BankIdentity, Capabilities, CommandFrame, Control, Identity, LinkFault, StateFrame
from kinesis_control.errors import ConfigurationError
from kinesis_control.muscles import MuscleLayout

FIRMWARE = 1
"""Lowest version of the banks' firmware that this profile is for."""

_NOTHING_MOVES = (Control.VENT, Control.RAMP, Control.RESET, Control.IDENT)
_SAFE_REPEATS = 3
_SAFE_CYCLE_NS = 2_000_000
_IDENT_CYCLE_S = 0.005


@dataclass(frozen=True, kw_only=True)
class BankConfig:
    """What is expected of a robot of valve banks.

    Attributes:
        muscles: names in order; muscle i is channel i % 10 of bank i // 10.
        joints: joint names in the order of the hub; at most 32.
        has_hub: whether there is a sensor hub.
        serial: serial number of the robot; 0 accepts any, for a first look.
        limits_checksum: of the limits that the banks enforce; 0 accepts any.
        calibration_checksum: of the calibration that the banks hold; 0 accepts any.
        identify_timeout_s: how long the banks may take to say who they are [s], 0.05 to 30.
    """

    muscles: tuple[str, ...]
    joints: tuple[str, ...] = ()
    has_hub: bool = True
    serial: int = 0
    limits_checksum: int = 0
    calibration_checksum: int = 0
    identify_timeout_s: float = 2.0

    def __post_init__(self) -> None:
        if len(self.joints) > 32 or not 0.05 <= self.identify_timeout_s <= 30.0:
            raise ConfigurationError(f"got {len(self.joints)} joints and identify_timeout_s {self.identify_timeout_s}, expected at most 32 and 0.05 to 30")


class BankDriver(MuscleDriver):
    """A robot of valve banks; a link fills in `_open`, `_transfer` and `_close`."""

    max_rate_hz = 1000.0

    def __init__(self, config: BankConfig) -> None:
        super().__init__(config)
        self._bank_config = config
        layout = MuscleLayout(names=tuple(config.muscles))
        n = len(layout)
        self._facts = Capabilities(
            muscles=layout, max_rate_hz=self.max_rate_hz, max_pressure_pa=PRESSURE_PA * MAX_COUNT, n_banks=banks_of(n), bank_of_muscle=np.arange(n) // CHANNELS,
            joint_names=tuple(config.joints), has_hold=True, has_vent=True, has_deadline=True, is_protected=True, has_tension=True, has_length=True,
        )  # fmt: skip
        self.image = BankImage(self._facts, has_hub=config.has_hub)
        self._own_command, self._own_state = CommandFrame.for_robot(self._facts), StateFrame.for_robot(self._facts)
        self._may_recover = True  # whether the robot is asked for nothing, so that the link may take its time
        self._heard = 0  # banks that have said anything in this exchange: there is nothing more to wait for
        self.refusals: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        """How often a record of the robot was refused, by reason; OK stays 0."""

    def _capabilities(self) -> Capabilities:
        return self._facts

    def _lease(self, epoch: int, key: bytes) -> None:
        self.image.lease(epoch, key)

    def _exchange(self, command: CommandFrame, state: StateFrame, deadline_ns: int) -> None:
        self._may_recover = command.control in _NOTHING_MOVES
        self.image.write(command)
        self._transfer(deadline_ns)
        if self.status.fresh_banks < self._facts.n_banks:
            self.status.note(LinkFault.LATE)
        self.image.read(state)

    @abstractmethod
    def _transfer(self, deadline_ns: int) -> None:
        """Send `image.command_rows`; hand every answer to `_take` and `_take_hub`; set `status.round_trip_ns`; be back
        by the deadline."""

    def _take(self, bank: int, record: memoryview, now_ns: int) -> bool:
        """Check a state; True when it is new and right."""
        return self._count(self.image.take(bank, record, now_ns), is_bank=True)

    def _take_hub(self, record: memoryview, now_ns: int) -> bool:
        return self._count(self.image.take_hub(record, now_ns), is_bank=False)

    def _count(self, verdict: Verdict, *, is_bank: bool) -> bool:
        self._heard += is_bank and verdict in (Verdict.OK, Verdict.STALE_EPOCH, Verdict.COUNTER)
        if verdict is Verdict.OK:
            self.status.fresh_banks += is_bank
            return True
        self.refusals[verdict] += 1
        if verdict is not Verdict.STALE_EPOCH and verdict is not Verdict.COUNTER:
            self.status.refused_records += 1
            self.status.note(LinkFault.WIRE)
        return False

    def _identify(self) -> Identity:
        """Ask until every bank has answered, then compare."""
        self.image.forget_identities()
        self._own_command.control = Control.IDENT
        until = time.monotonic() + self._bank_config.identify_timeout_s
        while any(page is None for page in self.image.identities) and time.monotonic() < until:
            self.exchange(self._own_command, self._own_state, time.monotonic_ns() + 20_000_000)
            time.sleep(_IDENT_CYCLE_S)
        pages = self.image.identities
        silent = [bank for bank, page in enumerate(pages) if page is None]
        if silent:
            why = {verdict.name: count for verdict, count in self.refusals.items() if count}
            raise LinkError(f"banks {silent} of {len(pages)} do not say who they are; refused records so far: {why or 'none'}; {self.last_error}")
        return self._checked([page for page in pages if page is not None])

    def _checked(self, pages: list[np.void]) -> Identity:
        config, layout = self._bank_config, self._facts.muscles.hash
        serial = config.serial or int(pages[0]["serial"])
        expected = {"serial": serial, "limits": config.limits_checksum, "calibration": config.calibration_checksum}
        for bank, page in enumerate(pages):
            for name, value in expected.items():
                if value and int(page[name]) != value:
                    raise IdentityError(f"bank {bank}: got {name} {int(page[name]):#x}, expected {value:#x}")
            got = bytes(page["layout"]).hex()
            if got != layout or int(page["position"]) != bank or int(page["channels"]) != CHANNELS or int(page["firmware"]) < FIRMWARE:
                raise IdentityError(
                    f"bank {bank}: got layout {got}, position {page['position']}, {page['channels']} channels, firmware {page['firmware']}; "
                    f"expected {layout}, {bank}, {CHANNELS} and at least {FIRMWARE}"
                )
        banks = tuple(
            BankIdentity(
                position=bank, firmware=int(page["firmware"]), limits_checksum=int(page["limits"]), calibration_checksum=int(page["calibration"]),
                epoch=int(page["epoch"]),
            )
            for bank, page in enumerate(pages)
        )  # fmt: skip
        return Identity(serial=serial, model="valve banks", layout_hash=layout, banks=banks)

    def _safe_state(self, kind: SafeState) -> None:
        """Some records in a row, so that one lost on the way does not matter."""
        self._own_command.control = Control.VENT if kind == "vent" else Control.HOLD
        for _ in range(_SAFE_REPEATS):
            self.image.write(self._own_command)
            self._transfer(time.monotonic_ns() + _SAFE_CYCLE_NS)
