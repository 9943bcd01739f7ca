"""Cases 31 to 84 but 38, 40, 41, 43, 45 and 47: link, valve banks, sensors, plant and stop chain, mostly one broken component each."""

import socket
from collections.abc import Callable

import numpy as np

from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs import udp_bank, valve_bank
from kinesis_control.drivers.codecs.guardian import GuardianState, Refusal, Request, StopCategory
from kinesis_control.drivers.codecs.protection import Seal
from kinesis_sim.emulator.campaign.case import Case, Expect, Scene

_RECORDS = ("udp", "can", "ethercat")
Act = Callable[[Scene], None]


def _broken(component: str, verb: str, value: float = 0.0, *, seconds: float | None = None, follow: float = 1.2, pressure: float | None = None) -> Act:
    """Break one component while the robot follows; `pressure` is a new one right after it."""

    def act(scene: Scene) -> None:
        scene.set(component, verb, value, **({} if seconds is None else {"seconds": seconds}))
        if pressure is not None:
            scene.pressure[:] = pressure
        scene.follow(follow)

    return act


def _estop(category: StopCategory | None) -> Act:
    def act(scene: Scene) -> None:
        if category is None:
            scene.set("estop", "off")
        else:
            scene.mark("stop asked for")
            scene.rig.ask(Request.ESTOP, category)
        scene.follow(1.0)

    return act


def _estop_in_hold(scene: Scene) -> None:
    scene.wait(0.08)
    scene.set("estop", "off")
    scene.wait(1.0)


def _released(scene: Scene) -> None:
    scene.set("estop", "off")
    scene.follow(0.5)
    scene.set("estop", "ok")
    scene.follow(1.5)
    refusal, _ = scene.rig.ask(Request.ARM)
    scene.notes.append(f"ARM without a reset: {refusal.name}")
    if refusal is Refusal.NONE:
        scene.notes.append("VIOLATION: armed without a reset")


def _reset_held(scene: Scene) -> None:
    scene.set("estop", "off")
    scene.follow(1.0)
    scene.set("estop", "ok")
    scene.set("reset", "wrong")
    scene.follow(1.0)
    if scene.guardian_state() is not GuardianState.FAULT:
        scene.notes.append("VIOLATION: reset while the button is held")
    scene.set("reset", "ok")
    scene.follow(0.5)


def _estop_in_ramp(scene: Scene) -> None:
    scene.mark("stop of category 1")
    scene.rig.ask(Request.ESTOP, StopCategory.RAMP)
    scene.follow(0.15)
    scene.set("estop", "off")
    scene.follow(1.0)


def _lost_and_stuck(scene: Scene) -> None:
    scene.set("inlet:20", "stuck")
    scene.set("link", "off")
    scene.follow(1.5)


def _dead_and_blind(scene: Scene) -> None:
    scene.mark("bus process killed")
    scene.rig.kill("bus")
    scene.set("pressure:20", "off")
    scene.wait(1.5)


def _inject(make: Callable[[Scene], bytes], text: str) -> Act:
    """Somebody else sends datagrams to the robot, far more often than the driver."""

    def act(scene: Scene) -> None:
        settings = BusSettings.read(scene.rig.kit.bus).driver_settings
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            scene.mark(text)

            def both(count: int) -> None:
                link.sendto(make(scene), (settings["host"], settings["port"]))
                if count % 4 == 0:
                    scene.rig.send(scene.pressure)

            scene.follow(1.2, both, rate_hz=200.0)

    return act


def _garbage(scene: Scene) -> bytes:
    """Noise, cut-off and too long datagrams in turn."""
    size = int(scene.rng.choice([1, 11, 13, 63, 428, 1400, 9000]))
    noise = scene.rng.bytes(size)
    return noise if scene.rng.random() < 0.5 else udp_bank.MAGIC + noise


def _forged(scene: Scene) -> bytes:
    """Full pressure for every bank, with a right CRC and without the key."""
    banks = valve_bank.banks_of(scene.rig.n_muscles)
    _, records, rows = valve_bank.image(valve_bank.COMMAND, min(banks, udp_bank.per_datagram(udp_bank.Kind.COMMANDS)))
    records["data_id"], records["version"], records["channels"] = valve_bank.COMMAND_ID + np.arange(len(rows)), valve_bank.VERSION, valve_bank.CHANNELS
    records["control"], records["counter"], records["epoch"], records["ttl_ms"] = valve_bank.Control.FOLLOW, 1 << 30, 1 << 20, 20
    records["pressure"] = 35000
    seal = Seal(scene.rng.bytes(32))
    for row in rows:
        seal.close(row)
    return udp_bank.pack(udp_bank.Kind.COMMANDS, 0, 1, memoryview(b"".join(rows)))


def _undumped(scene: Scene) -> None:
    scene.set("dump", "stuck")
    scene.rig.ask(Request.ESTOP, StopCategory.VENT)
    scene.follow(0.5)


def _pushed(scene: Scene) -> None:
    scene.set("push", "wrong", 2.0 * 75.0 * 9.81)
    scene.follow(1.0)


def _case(number: int, title: str, expect: Expect, act: Act, variant: str = "", **more: object) -> Case:
    return Case(number=number, variant=variant, title=title, expect=expect, act=act, **more)  # type: ignore[arg-type]


_STOP, _GO, _EITHER = Expect.STOP, Expect.GO, Expect.EITHER
_HIGH = {"exempt": ("I1", "I2", "I3", "I4")}  # an inlet that nobody can close: only the dumped supply ends it, and that is I9
_HOLD_S = 0.03
"""The banks hold 20 ms after the last command, which may be a cycle old, and the truth has a row each 2 ms [s]."""
_SHOWS = {"detect_s": 1.7}  # it shows when the set-point is 1 bar away for 0.15 s, and the flow limit lets set-points rise slowly

LINK: tuple[Case, ...] = (
    _case(31, "link lost for 10 ms", _GO, _broken("link", "off", seconds=0.01), "a"),
    _case(31, "link lost for 100 ms", _EITHER, _broken("link", "off", seconds=0.1), "b"),
    _case(31, "link lost for 400 ms", _STOP, _broken("link", "off", seconds=0.4, follow=1.5), "c", safe_s=2.5, hold_s=_HOLD_S),
    _case(31, "link lost for good", _STOP, _broken("link", "off", follow=1.5), "d", safe_s=2.0, hold_s=_HOLD_S),
    _case(32, "1 % of the frames lost", _GO, _broken("link", "intermittent", 0.01), "a"),
    _case(32, "30 % of the frames lost", _EITHER, _broken("link", "intermittent", 0.3), "b"),
    _case(33, "a flipped bit in 5 % of the frames", _EITHER, _broken("link", "garbage", 0.05), "a", links=_RECORDS),
    _case(33, "every frame with a flipped bit", _STOP, _broken("link", "garbage", 1.0, follow=1.5), "b", links=("udp", "can"), safe_s=0.75),
    _case(34, "noise, cut-off and too long datagrams from elsewhere", _GO, _inject(_garbage, "garbage"), links=("udp",)),
    _case(35, "30 % of the frames twice", _GO, _broken("link", "wrong", 0.3), links=("udp", "can")),
    _case(36, "10 % of the frames out of order", _EITHER, _broken("link", "slow", 0.1), links=("udp", "can")),
    _case(37, "delay of 5 ms", _EITHER, _broken("link", "delayed", 0.005), "a", links=("udp", "can")),
    _case(37, "delay of 50 ms", _STOP, _broken("link", "delayed", 0.05, follow=1.5), "b", links=("udp", "can")),
    _case(39, "forged commands with a right CRC", _EITHER, _inject(_forged, "forgery"), links=("udp",)),
    _case(46, "server cannot be reached for 1 s", _STOP, _broken("link", "off", seconds=1.0, follow=1.5), "a", links=("golem",)),
    _case(46, "server answers a second late", _STOP, _broken("link", "delayed", 1.0, follow=2.0), "b", links=("golem",), detect_s=1.5, safe_s=4.0),
    _case(46, "server restarts with another muscle count", _STOP, _broken("server", "slow"), "c", links=("golem",)),
    _case(46, "server refuses every pressure", _STOP, _broken("server", "wrong"), "d", links=("golem",)),
    _case(46, "server refuses everything", _STOP, _broken("server", "off"), "e", links=("golem",), exempt=("I4", "I10")),  # only the supply is left
    _case(42, "a bank babbles noise", _STOP, _broken("bank:2", "garbage"), links=_RECORDS),
)
BANKS: tuple[Case, ...] = (
    _case(44, "a device drops out", _STOP, _broken("bank:3", "off"), links=("ethercat",)),
    _case(48, "a bank reboots in motion", _STOP, _broken("bank:3", "slow"), links=_RECORDS),
    _case(49, "a bank answers and does nothing", _STOP, _broken("bank:3", "stuck"), links=_RECORDS, safe_s=2.5),
    _case(50, "the tubes of two banks are exchanged", _EITHER, _broken("bank:1", "wrong", 2.0), exempt=("I3",)),  # each fills the other
    _case(52, "inlet stuck open", _STOP, _broken("inlet:20", "stuck"), links=_RECORDS, **_HIGH),
    _case(53, "inlet stuck closed", _STOP, _broken("inlet:20", "off", pressure=200e3, follow=1.8), links=_RECORDS, **_SHOWS),
    _case(54, "outlet stuck open", _STOP, _broken("outlet:20", "stuck", pressure=200e3, follow=1.8), links=_RECORDS, **_SHOWS),
    _case(55, "valve ten times slower", _EITHER, _broken("valve:20", "slow", 10.0, pressure=150e3)),
    _case(56, "over-temperature", _STOP, _broken("temperature:2", "wrong", 95.0), links=_RECORDS),
)
SENSORS: tuple[Case, ...] = (
    _case(57, "pressure reading stuck", _EITHER, _broken("pressure:20", "stuck", pressure=150e3)),
    _case(58, "pressure reading drifted by +500 mbar", _EITHER, _broken("pressure:20", "wrong", 50e3)),
    _case(59, "pressure reading is noise", _EITHER, _broken("pressure:20", "garbage", 30e3)),
    _case(60, "pressure reading NaN", _STOP, _broken("pressure:20", "off"), "a"),
    _case(60, "pressure reading at its rail", _STOP, _broken("pressure:20", "stuck", 1.2e6), "b", links=_RECORDS, detect_s=0.12),
    _case(61, "pressure reading intermittent", _STOP, _broken("pressure:20", "intermittent", 0.3)),
    _case(62, "pressure reading 100 ms late", _EITHER, _broken("pressure:20", "delayed", 0.1)),
    _case(63, "two pressure sensors exchanged", _EITHER, _broken("pressure_swap:20/31", "wrong", pressure=120e3)),
    _case(64, "inertial unit dead", _EITHER, _broken("imu", "off")),
    _case(65, "tension reads 0", _EITHER, _broken("tension:20", "stuck", 1e-9)),
)
PLANT: tuple[Case, ...] = (
    _case(66, "a muscle bursts", _STOP, _broken("muscle:20", "wrong", 200.0, pressure=200e3, follow=1.8), links=_RECORDS, **_SHOWS),
    _case(67, "a muscle leaks slowly", _EITHER, _broken("muscle:20", "slow", 0.5)),
    _case(68, "a tendon tears", _EITHER, _broken("muscle:20", "off")),
    _case(69, "a line is blocked", _STOP, _broken("muscle:20", "stuck", pressure=200e3, follow=1.8), links=_RECORDS, exempt=("I4", "I10"), **_SHOWS),
    _case(70, "the pump fails", _EITHER, _broken("pump", "off", follow=2.5)),
    _case(71, "supply at 50 %", _EITHER, _broken("supply", "wrong", 425e3), "a"),
    _case(71, "supply at 30 %", _STOP, _broken("supply", "wrong", 255e3), "b"),
    _case(72, "relief valve stuck open", _STOP, _broken("relief", "stuck")),
    _case(73, "the accumulator does not dump", _STOP, _undumped, exempt=("I9", "I10"), safe_s=1.5),
    _case(77, "a bank loses its power for 200 ms", _STOP, _broken("bank:3", "off", seconds=0.2), links=_RECORDS),
    _case(74, "pump hot: a fifth of its flow is left", _EITHER, _broken("pump", "slow", 0.2, pressure=150e3, follow=2.5)),
    _case(75, "push of twice the body weight", _EITHER, _pushed),
    _case(76, "a joint jams", _EITHER, _broken("jam:3", "stuck", pressure=150e3)),
)
STOP: tuple[Case, ...] = (
    _case(78, "stop button while active", _STOP, _estop(None), "a", detect_s=0.1, safe_s=1.0),
    _case(78, "stop button while holding", _STOP, _estop_in_hold, "b", detect_s=0.1, safe_s=1.0),
    _case(78, "stop asked for, category 2", _STOP, _estop(StopCategory.HOLD), "c", detect_s=0.1, safe_s=1.5),
    _case(79, "one stop channel opens", _STOP, _broken("estop_b", "off"), detect_s=0.1, safe_s=1.0),
    _case(80, "stop button released without a reset", _STOP, _released, detect_s=0.1, safe_s=1.0),
    _case(81, "reset button held down", _STOP, _reset_held, detect_s=0.1, safe_s=1.0),
    _case(82, "stop button during a ramp", _STOP, _estop_in_ramp, detect_s=0.1, safe_s=1.0),
    _case(83, "link lost and an inlet stuck open", _STOP, _lost_and_stuck, links=_RECORDS, **_HIGH),
    _case(84, "bus process dead and a sensor NaN", _STOP, _dead_and_blind),
)
CASES: tuple[Case, ...] = (*LINK, *BANKS, *SENSORS, *PLANT, *STOP)
