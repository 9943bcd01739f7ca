"""Cases 13, 14, 19 to 29 and 51: the processes of the stack die, stop, come back or are set up wrongly."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable

from kinesis_control.drivers.codecs.guardian import Refusal, Request
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.campaign.case import Case, Expect, Scene
from kinesis_sim.emulator.campaign.commander import begin, hand_over
from kinesis_sim.emulator.rig import Rig


def _commander(number: signal.Signals, again: signal.Signals | None) -> Callable[[Scene], None]:
    """Hand over to a commander in another process, then send it a signal, and after 1 s another one."""

    def act(scene: Scene) -> None:
        process = hand_over(scene)
        try:
            scene.wait(0.5)
            scene.mark(f"commander gets {number.name}")
            process.send_signal(number)
            scene.wait(1.0)
            if again is not None:
                process.send_signal(again)
                scene.wait(1.0)
        finally:
            process.kill()
            process.wait()

    return act


def _node_again(scene: Scene) -> None:
    """The node's process dies; another one is there at once and goes on as if nothing had been."""
    first = hand_over(scene)
    second = None
    try:
        scene.wait(0.3)
        scene.mark("node killed, and started again")
        first.kill()
        second = begin(scene)
        scene.wait(2.5)
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()


# Without a real-time priority, whatever this process has, and no longer than it is needed.
_HOG = """
import os, time
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
until = time.monotonic() + 4.0
while time.monotonic() < until: pass
"""


def _hog(scene: Scene) -> None:
    """Two processes that do nothing but take processor time."""
    hogs = [subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(2)]
    try:
        scene.mark("processor hogged")
        scene.follow(2.0)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _kill_bus(scene: Scene) -> None:
    scene.mark("bus process killed")
    scene.rig.kill("bus")
    scene.wait(1.5)


def _stop_bus(scene: Scene) -> None:
    scene.mark("bus process stopped")
    scene.rig.kill("bus", signal.SIGSTOP)
    scene.wait(1.0)
    scene.rig.kill("bus", signal.SIGCONT)
    scene.follow(1.0)


def _kill_guardian(scene: Scene) -> None:
    scene.mark("guardian killed")
    scene.rig.kill("guardian")
    scene.rig.forget_operator()
    scene.follow(1.5)


def _restart_guardian(scene: Scene) -> None:
    _kill_guardian(scene)
    scene.rig.start_guardian()
    scene.follow(2.0)


def _second_bus(scene: Scene) -> None:
    scene.mark("a second bus process")
    again = subprocess.Popen(
        [sys.executable, "-m", "kinesis_control.drivers.bus.process", str(scene.rig.kit.bus)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        scene.follow(3.0)
        scene.notes.append(f"the second one ended with {again.poll()}")
    finally:
        if again.poll() is None:
            again.kill()
        again.wait()


def _spoil_limits(rig: Rig) -> None:
    text = rig.kit.limits.read_text()
    rig.kit.limits.write_text(text.replace('"cap": 0.3', '"cap": 1.0'))


def _other_serial(rig: Rig) -> None:
    document = json.loads(rig.kit.bus.read_text())
    document["driver_settings"]["serial"] = 4711
    rig.kit.bus.write_text(json.dumps(document))


def _other_firmware(rig: Rig) -> None:
    document = json.loads(rig.kit.bus.read_text())
    document["driver_settings"]["limits_checksum"] ^= 1
    rig.kit.bus.write_text(json.dumps(document))


def _must_not_start(scene: Scene) -> None:
    """The bus process was to be refused: nothing can be armed."""
    try:
        refusal, _ = scene.rig.ask(Request.ARM)
    except UnavailableError:
        return
    scene.refused = refusal is not Refusal.NONE


CASES: tuple[Case, ...] = (
    Case(number=13, title="commander killed", expect=Expect.STOP, act=_commander(signal.SIGKILL, None), processes=True),
    Case(number=14, title="commander stopped for 1 s, then goes on", expect=Expect.STOP, act=_commander(signal.SIGSTOP, signal.SIGCONT), processes=True),
    Case(number=19, title="bus process killed", expect=Expect.STOP, act=_kill_bus),
    Case(number=20, title="bus process stopped for 1 s, then goes on", expect=Expect.STOP, act=_stop_bus),
    Case(number=21, title="processor hogged", expect=Expect.EITHER, act=_hog, processes=True),
    Case(number=24, variant="a", title="limits file changed", expect=Expect.REFUSE, act=_must_not_start, prepare=_spoil_limits, armed=False),
    Case(number=24, variant="b", title="configured for another robot", expect=Expect.REFUSE, act=_must_not_start, prepare=_other_serial, armed=False),
    Case(number=25, title="a second bus process", expect=Expect.GO, act=_second_bus, processes=True),
    Case(number=27, title="guardian killed", expect=Expect.STOP, act=_kill_guardian),
    Case(number=28, title="guardian restarts while active", expect=Expect.STOP, act=_restart_guardian),
    Case(number=29, title="the node dies and is started again", expect=Expect.STOP, act=_node_again, detect_s=0.6, processes=True),
    Case(
        number=51, title="limits of the banks are others than configured", expect=Expect.REFUSE, act=_must_not_start, prepare=_other_firmware, armed=False,
        links=("udp", "can", "ethercat"),
    ),
)  # fmt: skip
