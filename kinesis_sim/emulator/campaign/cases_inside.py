"""Cases 3c, 8b, 15, 17b, 22, 23, 40 and 41: something breaks, or lies, inside the processes of the stack (`spoiled.py` lets it)."""

import time
from collections.abc import Callable

from kinesis_control.drivers.codecs.guardian import GuardianState, Request
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.campaign.case import Case, Expect, Scene
from kinesis_sim.emulator.rig import Rig

_FULL_PA, _FULL_S = 8.2e5, 15.0
_RECORDS = ("udp", "can", "ethercat")


def _spoilable(*words: str) -> Callable[[Rig], None]:
    """Both processes can be broken from inside; `words` are broken from the start."""

    def prepare(rig: Rig) -> None:
        rig.spoilable = True
        if words:
            rig.spoil(*words)

    return prepare


def _break(*words: str, seconds: float = 1.2, text: str = "") -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.mark(text or " ".join(words))
        scene.rig.spoil(*words)
        scene.follow(seconds)

    return act


def _clock(scene: Scene) -> None:
    """An hour forth, then an hour back."""
    for seconds in (3600, -3600):
        scene.mark("wall clock set")
        scene.rig.spoil(f"clock {seconds}")
        scene.follow(0.8)


def _no_lease(scene: Scene) -> None:
    """An epoch that cannot be stored is not granted: the guardian does not get beyond LEASE."""
    scene.wait(2.0)
    scene.refused = scene.guardian_state() not in (GuardianState.ESTOP_CHAIN, None)
    try:
        scene.notes.append(f"ARM: {scene.rig.ask(Request.ARM)[1]}")
    except UnavailableError as error:
        scene.notes.append(str(error))
    if not scene.refused:
        scene.notes.append("VIOLATION: a lease was granted whose epoch could not be stored")


def _fill_up(scene: Scene) -> None:
    """Until the supply is full: a robot is armed at half of its pressure, and with that no muscle is filled fast or high."""
    assert scene.rig.port is not None
    until = time.monotonic() + _FULL_S
    while float(scene.rig.port.ask(look=True)["supply_pa"]) < _FULL_PA:
        if time.monotonic() > until:
            raise UnavailableError(f"the supply did not reach {_FULL_PA / 1e5:g} bar within {_FULL_S:g} s")
        scene.follow(0.2)


def _step_up(scene: Scene) -> None:
    """At once from what is followed to 5 bar."""
    _fill_up(scene)
    _break("lie 5e5")(scene)


def _higher(scene: Scene) -> None:
    """Up to 7.4 bar in steps that its valve can follow: above the clamp of the banks, below their trip."""
    _fill_up(scene)
    for pressure in (3.0e5, 5.5e5, 7.4e5):
        scene.mark("the driver lies")
        scene.rig.spoil(f"lie {pressure}")
        scene.follow(0.4)


def _rogue(scene: Scene) -> None:
    """FOLLOW without a permit: no bank may leave DISARMED."""
    scene.rig.operator.wait_for(GuardianState.ESTOP_CHAIN, timeout_s=30.0)
    scene.mark("the driver commands while disarmed")
    scene.rig.spoil("rogue")
    scene.wait(0.5)
    scene.refused = True


def _wrap(scene: Scene) -> None:
    """The counter of commands passes its end within 3 s of its start."""
    scene.mark("the counter wraps")
    scene.follow(4.0)


_STOP, _GO, _EITHER, _REFUSE = Expect.STOP, Expect.GO, Expect.EITHER, Expect.REFUSE

CASES: tuple[Case, ...] = (
    Case(number=3, variant="c", title="the driver sends 7.4 bar behind every limit", expect=_EITHER, act=_higher, prepare=_spoilable()),
    Case(number=8, variant="b", title="the driver steps to 5 bar behind every limit", expect=_EITHER, act=_step_up, prepare=_spoilable()),
    Case(
        number=17, variant="b", title="the driver commands while disarmed", expect=_REFUSE, act=_rogue, prepare=_spoilable(), armed=False, links=_RECORDS,
    ),
    Case(number=15, title="wall clock set by an hour, forth and back", expect=_GO, act=_clock, prepare=_spoilable(), processes=True),
    Case(number=22, variant="a", title="exception in the driver", expect=_STOP, act=_break("driver"), prepare=_spoilable()),
    Case(number=22, variant="b", title="exception in the loop", expect=_STOP, act=_break("loop"), prepare=_spoilable()),
    Case(
        number=23, variant="a", title="disk full before the lease", expect=_REFUSE, act=_no_lease, prepare=_spoilable("disk"), armed=False,
        links=_RECORDS, processes=True,
    ),
    Case(number=23, variant="b", title="disk full while active", expect=_GO, act=_break("disk", text="disk full"), prepare=_spoilable(), processes=True),
    Case(number=40, title="counter wrap", expect=_GO, act=_wrap, prepare=_spoilable("wrap"), links=_RECORDS),
    Case(number=41, title="frozen counter", expect=_STOP, act=_break("freeze"), prepare=_spoilable(), links=_RECORDS),
)  # fmt: skip
