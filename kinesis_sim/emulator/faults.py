"""What can be broken in an emulated android: components by name, and what each verb does to them.

    component            verbs (value)
    pressure:M           off, stuck, garbage (+-Pa), wrong (+Pa), slow (s), delayed (s), intermittent (share); also length:M, tension:M, joint:J, supply_sensor
    pressure_swap:M/M    wrong: the plugs of two pressure sensors are exchanged
    inlet:M, outlet:M    stuck: open; off: never opens
    valve:M              slow (factor)
    muscle:M             off: tendon torn; wrong: burst (1/s); slow: leaks (1/s); stuck: line blocked
    bank:B               off: no power; stuck: answers and does nothing; slow: reboots at once; garbage: its answers are noise; wrong (C): exchanged with C
    temperature:B        wrong (deg C)
    pump                 off, slow (share)
    supply               wrong (Pa): a limit
    dump, relief         stuck: does not open; stuck open
    contactor            off
    imu, contacts        off
    jam:J                stuck
    push                 wrong (N, to the left, for 0.2 s)
    estop, estop_a, estop_b   off: open;    reset   wrong: held down
    link                 off; intermittent (share lost); garbage (share with a flipped bit); delayed (s); wrong (share sent twice); slow (share out of order);
                         stuck (share beside which a frame is sent again that came before this was set)
    server               golem: off: answers every order with success = false; wrong: every pressure; slow: as one of another muscle count

M is a muscle by name or number, B a bank, J a joint. "ok" mends every one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.sensors import SensorArray

VERBS = ("ok", "off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent")
Apply = Callable[[str, str, float], None]
_PUSH_S = 0.2
_BURST_PER_S = 200.0


@dataclass
class LinkFaults:
    """What a link does to records on their way, both ways; the front ends act on it.

    Attributes:
        off: nothing passes. loss, flips, twice, disorder: share of the frames concerned. delay_s: of each [s].
        replay: share of the frames beside which one of an earlier time is sent again.
        refuses: orders that a golem server answers with success = false: "", "pressures" or "all". foreign: it has one muscle less.
        silent_banks, noisy_banks: banks that do not answer, and those whose answers are noise.
    """

    off: bool = False
    loss: float = 0.0
    flips: float = 0.0
    twice: float = 0.0
    disorder: float = 0.0
    delay_s: float = 0.0
    replay: float = 0.0
    refuses: str = ""
    foreign: bool = False
    silent_banks: set[int] = field(default_factory=set)
    noisy_banks: set[int] = field(default_factory=set)


class FaultPort:
    """Puts faults into an android and takes them out again.

    Attributes:
        link: of the front end.
        active: component -> verb.
    """

    def __init__(self, android: Android) -> None:
        self._android = android
        self.link = LinkFaults()
        self.active: dict[str, str] = {}
        sensors = {"pressure": android.pressure_sensor, "length": android.length_sensor, "tension": android.tension_sensor}
        self._kinds: dict[str, Apply] = {name: self._sensor(array, self._muscle) for name, array in sensors.items()}
        self._kinds |= {
            "joint": self._sensor(android.joint_sensor, self._joint), "supply_sensor": self._sensor(android.supply_sensor, lambda name: 0),
            "pressure_swap": self._swap, "inlet": self._inlet, "outlet": self._outlet, "valve": self._valve, "muscle": self._a_muscle, "bank": self._bank,
            "temperature": self._temperature, "pump": self._pump, "supply": self._supply, "dump": self._dump, "relief": self._relief,
            "contactor": self._contactor, "imu": self._imu, "contacts": self._contact_sensors, "jam": self._jam, "push": self._push, "estop": self._estop,
            "estop_a": self._estop, "estop_b": self._estop, "reset": self._reset, "link": self._link,
            "server": self._server,
        }  # fmt: skip

    @property
    def components(self) -> tuple[str, ...]:
        """Kinds of components."""
        return tuple(self._kinds)

    def set(self, component: str, verb: str, value: float = 0.0) -> None:
        """Do it.

        Raises:
            UnknownNameError: no such component, verb, muscle or joint.
            ConfigurationError: the verb does not fit the component, or the value is not finite.
        """
        kind, _, name = component.partition(":")
        if kind not in self._kinds:
            raise UnknownNameError("component", kind, self._kinds)
        if verb not in VERBS:
            raise UnknownNameError("verb", verb, VERBS)
        if not np.isfinite(value):
            raise ConfigurationError(f"value of '{component}': got {value}, expected a finite number")
        self._kinds[kind](component if kind.startswith("estop") else name, verb, value)
        if verb == "ok":
            self.active.pop(component, None)
        else:
            self.active[component] = verb

    def mend_all(self) -> None:
        """As good as new."""
        for component in list(self.active):
            self.set(component, "ok")

    # -- names ----------------------------------------------------------------------------------------------------------

    def _muscle(self, name: str) -> int:
        return _place(name, "muscle", self._android.body.description.muscles.names)

    def _joint(self, name: str) -> int:
        return _place(name, "joint", self._android.body.description.joint_names)

    def _bank_number(self, name: str) -> int:
        return _place(name, "bank", tuple(str(i) for i in range(self._android.n_banks)))

    # -- components -----------------------------------------------------------------------------------------------------

    def _sensor(self, array: SensorArray, place_of: Callable[[str], int]) -> Apply:
        def apply(name: str, verb: str, value: float) -> None:
            place = place_of(name)
            if verb == "ok":
                array.mend(place)
            else:
                array.spoil(place, verb, value, 0.5e-3)

        return apply

    def _swap(self, name: str, verb: str, value: float) -> None:
        first, _, second = name.partition("/")
        one, other = self._muscle(first), self._muscle(second)
        _only(verb, "ok", "wrong")
        if verb == "ok":
            self._android.pressure_sensor.mend(one)
            self._android.pressure_sensor.mend(other)
        else:
            self._android.pressure_sensor.swap(one, other)

    def _inlet(self, name: str, verb: str, value: float) -> None:
        plant, muscle = self._android.plant, self._muscle(name)
        _only(verb, "ok", "stuck", "off")
        plant.opening_low[muscle] = 0.6 if verb == "stuck" else -1.0
        plant.opening_high[muscle] = 0.0 if verb == "off" else 1.0

    def _outlet(self, name: str, verb: str, value: float) -> None:
        plant, muscle = self._android.plant, self._muscle(name)
        _only(verb, "ok", "stuck", "off")
        plant.opening_high[muscle] = -0.6 if verb == "stuck" else 1.0
        plant.opening_low[muscle] = 0.0 if verb == "off" else -1.0

    def _valve(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "slow")
        self._android.plant.sluggish[self._muscle(name)] = max(value, 1.0) if verb == "slow" else 1.0

    def _a_muscle(self, name: str, verb: str, value: float) -> None:
        plant, muscle = self._android.plant, self._muscle(name)
        _only(verb, "ok", "off", "wrong", "slow", "stuck")
        plant.whole[muscle] = 0.0 if verb == "off" else 1.0
        plant.passes[muscle] = 0.0 if verb == "stuck" else 1.0
        plant.leak[muscle] = (value or _BURST_PER_S) if verb in ("wrong", "slow") else 0.0

    def _bank(self, name: str, verb: str, value: float) -> None:
        android, bank = self._android, self._bank_number(name)
        _only(verb, "ok", "off", "stuck", "slow", "garbage", "wrong")
        banks = android.banks
        if verb == "ok":
            if not banks.powered[bank]:
                banks.reboot(bank)
            banks.powered[bank] = banks.acts[bank] = True
            self.link.silent_banks.discard(bank)
            self.link.noisy_banks.discard(bank)
            android.swapped.pop(android.swapped.pop(bank, bank), None)
        elif verb == "off":
            banks.powered[bank] = False
            self.link.silent_banks.add(bank)
        elif verb == "stuck":
            banks.acts[bank] = False
        elif verb == "slow":
            banks.reboot(bank)
        elif verb == "garbage":
            self.link.noisy_banks.add(bank)
        else:
            other = self._bank_number(str(int(value)))
            android.swapped[bank], android.swapped[other] = other, bank

    def _temperature(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "wrong")
        self._android.force_temperature(self._bank_number(name), value if verb == "wrong" else None)

    def _pump(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off", "slow")
        self._android.plant.pump_share = {"ok": 1.0, "off": 0.0}.get(verb, value)

    def _supply(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "wrong")
        self._android.plant.supply_limit = value if verb == "wrong" else np.inf
        if verb == "wrong":
            self._android.plant.supply = min(self._android.plant.supply, value)

    def _dump(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "stuck")
        self._android.plant.dump_works = verb == "ok"

    def _relief(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "stuck")
        self._android.plant.relief_stuck = verb == "stuck"

    def _contactor(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off")
        self._android.contactor_works = verb == "ok"

    def _imu(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off")
        self._android.inertial_works = verb == "ok"

    def _contact_sensors(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off")
        self._android.contacts_work = verb == "ok"

    def _jam(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "stuck")
        self._android.skeleton.jam(self._joint(name), jammed=verb == "stuck")

    def _push(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "wrong")
        if verb == "wrong":
            self._android.skeleton.push(np.array([0.0, value, 0.0]), _PUSH_S)

    def _estop(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off")
        stop, closed = self._android.stop, verb == "ok"
        if name in ("estop", "estop_a"):
            stop.channel_a = closed
        if name in ("estop", "estop_b"):
            stop.channel_b = closed

    def _reset(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "wrong")
        self._android.stop.reset_pressed = verb == "wrong"

    def _link(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off", "intermittent", "garbage", "delayed", "wrong", "slow", "stuck")
        link = self.link
        link.off = verb == "off"
        names = {"intermittent": "loss", "garbage": "flips", "delayed": "delay_s", "wrong": "twice", "slow": "disorder", "stuck": "replay"}
        for each, attribute in names.items():
            setattr(link, attribute, value if verb == each else 0.0)

    def _server(self, name: str, verb: str, value: float) -> None:
        _only(verb, "ok", "off", "wrong", "slow")
        self.link.refuses, self.link.foreign = {"off": "all", "wrong": "pressures"}.get(verb, ""), verb == "slow"


def _place(name: str, kind: str, names: tuple[str, ...]) -> int:
    """Index of a name or of a number as text."""
    if name.isdigit() and int(name) < len(names):
        return int(name)
    if name not in names:
        raise UnknownNameError(kind, name, names)
    return names.index(name)


def _only(verb: str, *allowed: str) -> None:
    if verb not in allowed:
        raise ConfigurationError(f"this component cannot be '{verb}'; its verbs are {', '.join(allowed)}")
