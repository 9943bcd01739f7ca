"""Cases 26, 30, 38, 43, 45 and 47: somebody who has no right to, an old holder, or noise on the link."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kinesis_control.drivers.bus.client import BusClient
from kinesis_control.drivers.bus.settings import BusSettings
from kinesis_control.drivers.codecs import can_fd, udp_bank, valve_bank
from kinesis_control.drivers.codecs.guardian import GuardianState, Hello, LeaseRequest, Refusal, Refused, Request, Role, unpack
from kinesis_control.errors import UnavailableError
from kinesis_sim.emulator.campaign.case import Case, Expect, Scene
from kinesis_sim.emulator.rig import ROOT

_START_S = 30.0
_NOBODY = 65534


def _note(scene: Scene, right: bool, text: str) -> None:
    scene.notes.append(text if right else f"VIOLATION: {text}")


# -- those who may not ----------------------------------------------------------------------------------------------------


def _old_holder(scene: Scene) -> None:
    """The holder of the lease is stopped for long; another machine takes over, with locks of its own; then the old one goes on."""
    rig = scene.rig
    scene.mark("bus process stopped; another one takes the robot")
    rig.kill("bus", signal.SIGSTOP)
    rig.operator.wait_for(GuardianState.FAULT, timeout_s=_START_S)
    _until_refused_no_more(scene, Request.RESET)
    settings = json.loads(rig.kit.bus.read_text(encoding="utf-8"))
    settings["robot"] += "-new"
    path = rig.folder / "new.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    with (rig.folder / "new.log").open("ab") as log:
        new = subprocess.Popen([sys.executable, "-m", "kinesis_control.drivers.bus.process", str(path)], stdout=log, stderr=log, cwd=ROOT)
    try:
        old, rig.client = rig.client, _attached(settings["robot"], path)
        rig.arm()
        scene.follow(0.5)
        rig.kill("bus", signal.SIGCONT)
        scene.follow(1.5)
        assert old is not None
        old.close()
    finally:
        new.terminate()
        try:
            new.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            new.kill()
            new.wait()


def _attached(robot: str, path: Path) -> BusClient:
    capabilities = BusSettings.read(path).make_driver().capabilities
    until = time.monotonic() + _START_S
    while True:
        try:
            return BusClient(robot, capabilities)
        except UnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _until_refused_no_more(scene: Scene, request: Request) -> None:
    until = time.monotonic() + _START_S
    while True:
        refusal, text = scene.rig.ask(request)
        if refusal is Refusal.NONE:
            return
        if time.monotonic() > until:
            raise UnavailableError(f"{request.name} stays refused: {text}")
        time.sleep(0.05)


def _misuse(scene: Scene) -> None:
    """Requests that make no sense now, in every order; an operator who asks for the lease is shown the door."""
    scene.mark("requests in the wrong state and role")
    for request in (Request.ARM, Request.RESET, Request.ARM, Request.RESET):
        refusal, _ = scene.rig.ask(request)
        _note(scene, refusal is Refusal.WRONG_STATE, f"{request.name} while active: {refusal.name}")
        scene.follow(0.1)
    answer = _say_hello(scene, Role.OPERATOR)
    _note(scene, answer == Refusal.ROLE, f"an operator asks for the lease: {answer}")
    scene.follow(0.5)


def _spoofed_holder(scene: Scene) -> None:
    """A second process of this user wants the lease; one of another user wants to connect at all."""
    scene.mark("others at the guardian's socket")
    answer = _say_hello(scene, Role.BUS)
    _note(scene, answer == Refusal.LEASE_HELD, f"a second bus process asks for the lease: {answer}")
    scene.follow(0.5)
    if os.getuid() == 0:
        # It becomes another user only once it runs: that user need not be allowed to start this Python.
        become = f"import os, socket; os.setgroups([]); os.setgid({_NOBODY}); os.setuid({_NOBODY})"
        connect = f"s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect({str(scene.rig.kit.guardian_socket)!r})"
        done = subprocess.run([sys.executable, "-c", f"{become}; {connect}"], cwd="/", capture_output=True, text=True, check=False)
        _note(scene, "PermissionError" in done.stderr, f"another user connects: {done.stderr.strip().rsplit(chr(10), 1)[-1] or 'nobody minds'}")
    scene.follow(0.5)


def _say_hello(scene: Scene, role: Role) -> Refusal | None:
    """Ask for the lease in a role; the refusal, or None when there was none within 1 s."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as link:
        link.connect(str(scene.rig.kit.guardian_socket))
        link.setblocking(False)
        link.send(Hello(role=role, name="intruder").pack())
        link.send(LeaseRequest(serial=1, layout_hash="", epoch_floor=1 << 20).pack())
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            scene.follow(0.02)
            with contextlib.suppress(BlockingIOError):
                while True:
                    message = unpack(link.recv(4096))
                    if isinstance(message, Refused):
                        return Refusal(message.reason)
    return None


# -- noise and forgery on the link ----------------------------------------------------------------------------------------


def _replayed_session(scene: Scene) -> None:
    """Every frame of the first session once more, beside those of the second one: while it is disarmed, and while it is active."""
    rig = scene.rig
    scene.mark("disarmed; the first session is sent again")
    rig.ask(Request.DISARM)
    rig.operator.wait_for(GuardianState.ESTOP_CHAIN, timeout_s=_START_S)
    scene.set("link", "stuck", 1.0)
    scene.wait(0.7)
    _note(scene, scene.guardian_state() is GuardianState.ESTOP_CHAIN, f"while disarmed: {scene.guardian_state()}")
    rig.arm()
    scene.follow(1.5)


def _spoofed_robot(scene: Scene) -> None:
    """Forged states, from another address, to the port from which the driver speaks."""
    port = _port_of(scene.rig.pid("bus"), int(BusSettings.read(scene.rig.kit.bus).driver_settings["port"]))
    _, records, rows = valve_bank.image(valve_bank.STATE, valve_bank.banks_of(scene.rig.n_muscles))
    records["state"], records["pressure"], records["faults"] = valve_bank.BankState.FAULT, 35000, 0xFF
    forged = udp_bank.datagrams(udp_bank.Kind.STATES, 1, memoryview(b"".join(rows)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        scene.mark(f"forged states to port {port}")

        def both(count: int) -> None:
            for datagram in forged:
                link.sendto(datagram, ("127.0.0.1", port))
            if count % 4 == 0:
                scene.rig.send(scene.pressure)

        scene.follow(1.2, both, rate_hz=200.0)


def _port_of(pid: int, peer: int) -> int:
    """Local UDP port from which a process speaks to port `peer` of this machine."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # one was closed since: the listing itself, in this process
            if found := re.match(r"socket:\[(\d+)\]", str(link.readlink())):
                inodes.add(found[1])
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        words = line.split()
        if words[9] in inodes and int(words[2].split(":")[1], 16) == peer:
            return int(words[1].split(":")[1], 16)
    raise UnavailableError(f"process {pid} has no UDP socket to port {peer}")


@contextlib.contextmanager
def _beside(send: Callable[[], None]) -> Iterator[None]:
    """Somebody who sends as fast as he can, in a thread of this process."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                send()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5.0)


def _flood(scene: Scene) -> None:
    """The link is full of datagrams that nobody wants."""
    settings = BusSettings.read(scene.rig.kit.bus).driver_settings
    noise = udp_bank.MAGIC + bytes(1300)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        scene.mark("link flooded")
        with _beside(lambda: link.sendto(noise, (settings["host"], settings["port"])) and None):
            scene.follow(1.5)


def _can_noise(rate_hz: float) -> Callable[[Scene], None]:
    """Another node sends noise under the identifiers of commands and states; without a rate, as fast as it can."""

    def act(scene: Scene) -> None:
        import can

        settings = BusSettings.read(scene.rig.kit.bus).driver_settings
        with can.Bus(interface=settings["interface"], channel=settings["channels"][0], fd=True) as bus:
            rng = scene.rng

            def send() -> None:
                number = int(rng.integers(0, 8))
                identifier = can_fd.command_frame(number, memoryview(bytes(52)))[0] if rng.random() < 0.5 else 0x200 + number
                bus.send(can.Message(arbitration_id=identifier, data=rng.bytes(64), is_extended_id=False, is_fd=True, bitrate_switch=True), timeout=0)
                if rate_hz:
                    time.sleep(1.0 / rate_hz)

            scene.mark("noise on the bus")
            with _beside(send):
                scene.follow(1.5)

    return act


def _ethernet_noise(scene: Scene) -> None:
    """Frames of noise, with the type of EtherCAT and with another one, from the driver's end of the cable."""
    interface = BusSettings.read(scene.rig.kit.bus).driver_settings["interface"]
    with contextlib.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as link:
        link.bind((interface, 0))
        rng = scene.rng
        scene.mark("noise on the cable")

        def both(count: int) -> None:
            kind = b"\x88\xa4" if count % 2 else b"\x08\x00"
            link.send(b"\xff" * 6 + rng.bytes(6) + kind + rng.bytes(int(rng.integers(46, 1400))))
            if count % 4 == 0:
                scene.rig.send(scene.pressure)

        scene.follow(1.2, both, rate_hz=200.0)


def _stream_noise(scene: Scene) -> None:
    """Bytes that are no HTTP/2, on fresh connections to the robot server."""
    address = BusSettings.read(scene.rig.kit.bus).driver_settings["controller"].removeprefix("unix:")

    def both(count: int) -> None:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as link:
            link.connect(address)
            link.send(scene.rng.bytes(300))
        if count % 2 == 0:
            scene.rig.send(scene.pressure)

    scene.mark("noise to the server")
    scene.follow(1.2, both, rate_hz=100.0)


_GO, _EITHER = Expect.GO, Expect.EITHER

CASES: tuple[Case, ...] = (
    Case(number=26, title="an old lease-holder returns", expect=_EITHER, act=_old_holder, links=("udp", "can"), processes=True),
    Case(number=30, title="requests in the wrong state and role", expect=_GO, act=_misuse),
    Case(number=38, title="replayed session", expect=_GO, act=_replayed_session, links=("udp", "can")),
    Case(number=43, variant="a", title="link flooded with datagrams", expect=_EITHER, act=_flood, links=("udp",), processes=True),
    Case(number=43, variant="b", title="link flooded with frames", expect=_EITHER, act=_can_noise(0.0), links=("can",), processes=True),
    Case(number=45, variant="a", title="garbage frames of another node", expect=_EITHER, act=_can_noise(100.0), links=("can",), processes=True),
    Case(number=45, variant="b", title="garbage frames on the cable", expect=_EITHER, act=_ethernet_noise, links=("ethercat",)),
    Case(number=45, variant="c", title="garbage bytes to the server", expect=_GO, act=_stream_noise, links=("golem",)),
    Case(number=47, variant="a", title="strangers at the guardian's socket", expect=_GO, act=_spoofed_holder),
    Case(number=47, variant="b", title="forged states from another address", expect=_GO, act=_spoofed_robot, links=("udp",)),
)  # fmt: skip
