"""Cases 1 to 18: the policy, or whoever commands, does wrong."""

import time
from collections.abc import Callable

import numpy as np

from kinesis_control.drivers.frames import Mode
from kinesis_sim.emulator.campaign.case import Case, Expect, Scene

CAP_PA = 210e3
"""0.3 of full pressure."""


def _values(change: Callable[[np.ndarray], None]) -> Callable[[Scene], None]:
    """Commands whose values are wrong from now on."""

    def act(scene: Scene) -> None:
        values = scene.pressure.copy()
        change(values)
        scene.mark("wrong values")
        scene.follow(1.0, lambda _: scene.send_raw(values))

    return act


def _put(value: float, place: int = 7) -> Callable[[np.ndarray], None]:
    def change(values: np.ndarray) -> None:
        values[place] = value

    return change


def _fields(**fields: int) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.mark(f"wrong {', '.join(fields)}")
        scene.follow(1.0, lambda _: scene.send_raw(scene.pressure, **fields))

    return act


def _wrong_mode(scene: Scene) -> None:
    scene.mark("excitations where pressures are taken")
    scene.follow(1.0, lambda _: scene.send_raw(np.full(scene.rig.n_muscles, 0.5), mode=Mode.EXCITATION))


def _step(scene: Scene) -> None:
    scene.pressure[:] = 0.0
    scene.follow(0.3)
    scene.mark("step")
    scene.pressure[:] = CAP_PA
    scene.follow(0.5)


def _cocontraction(scene: Scene) -> None:
    scene.mark("all muscles at full pressure")
    scene.pressure[:] = 700e3
    scene.follow(1.5)


def _bang_bang(scene: Scene) -> None:
    scene.mark("bang-bang")
    scene.follow(1.0, lambda k: scene.rig.send(np.full(scene.rig.n_muscles, CAP_PA if k % 2 else 0.0)), rate_hz=100.0)


def _stall(seconds: float) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.mark(f"no commands for {seconds} s")
        scene.wait(seconds)
        scene.follow(0.7)

    return act


def _burst(scene: Scene) -> None:
    scene.mark("bursts")
    scene.follow(1.0, rate_hz=500.0)


def _stamps(offset_s: float) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        scene.mark(f"stamps {offset_s:+g} s")
        scene.follow(1.0, lambda _: scene.send_raw(scene.pressure, stamp_ns=time.monotonic_ns() + int(1e9 * offset_s)))

    return act


def _replay(scene: Scene) -> None:
    """The same command again and again: its number does not rise."""
    client = scene.rig.client
    assert client is not None
    scene.mark("one command, repeated")

    def again(_: int) -> None:
        client._commands.publish()

    scene.follow(1.0, again)


def _disarmed(scene: Scene) -> None:
    scene.mark("commands while disarmed")
    scene.follow(1.0)


def _into_the_stop(scene: Scene) -> None:
    scene.mark("every muscle of one side")
    names = scene.rig.muscles
    scene.pressure[:] = [CAP_PA if name.endswith("_r") else 0.0 for name in names]
    scene.follow(1.5)
    scene.pressure[:] = [CAP_PA if name.startswith(("bf", "semi", "gas", "grac", "sart")) else 0.0 for name in names]
    scene.follow(1.5)


_LOST = {"expect": Expect.STOP, "detect_s": 0.4}
"""Nothing acceptable comes: held at once, given up after 0.3 s."""
_BROKEN = {"expect": Expect.STOP, "detect_s": 0.1}
"""What comes is no command: given up after three of them."""

CASES: tuple[Case, ...] = (
    Case(number=1, title="NaN in one muscle", act=_values(_put(np.nan)), **_BROKEN),
    Case(number=2, title="infinity in one muscle", act=_values(_put(np.inf)), **_BROKEN),
    Case(number=3, variant="a", title="1.0001 of the largest value", act=_values(_put(1.0001 * 700e3)), **_BROKEN),
    Case(number=3, variant="b", title="1e30", act=_values(_put(1e30)), **_BROKEN),
    Case(number=4, title="-1", act=_values(_put(-1.0)), **_BROKEN),
    Case(number=5, title="wrong number of values", act=_fields(count=79), **_BROKEN),
    Case(number=6, title="another muscle order", act=_fields(layout=0x0123456789ABCDEF), **_BROKEN),
    Case(number=7, title="wrong mode", act=_wrong_mode, **_BROKEN),
    Case(number=8, title="step from 0 to the cap on all", expect=Expect.EITHER, act=_step),
    Case(number=9, title="full co-contraction", expect=Expect.EITHER, act=_cocontraction),
    Case(number=10, title="bang-bang at 100 Hz", expect=Expect.EITHER, act=_bang_bang),
    Case(number=11, variant="a", title="policy stalls for 25 ms", expect=Expect.GO, act=_stall(0.025)),
    Case(number=11, variant="b", title="policy stalls for 150 ms", expect=Expect.GO, act=_stall(0.15)),
    Case(number=11, variant="c", title="policy stalls for 400 ms", act=_stall(0.4), **_LOST),
    Case(number=12, title="bursts at ten times the rate", expect=Expect.GO, act=_burst),
    Case(number=16, variant="a", title="stamps from the future", act=_stamps(1.0), **_LOST),
    Case(number=16, variant="b", title="stamps too old", act=_stamps(-1.0), **_LOST),
    Case(number=16, variant="c", title="one command repeated", act=_replay, **_LOST),
    Case(number=17, title="commands while disarmed", expect=Expect.REFUSE, act=_disarmed, armed=False),
    Case(number=18, title="joints driven into their stops", expect=Expect.EITHER, act=_into_the_stop),
)
