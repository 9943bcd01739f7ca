"""The guardian's socket: who may connect, who gets the lease, and what an old holder is worth."""

import os
import socket
import stat
from dataclasses import replace

import pytest

from kinesis_control.drivers.codecs import guardian as wire
from kinesis_control.drivers.codecs.guardian import Ask, Heartbeat, Hello, Lease, LeaseRequest, Refusal, Refused, Release, Request, Role, Status
from kinesis_control.drivers.codecs.protection import arm_token, session_key
from kinesis_control.drivers.guardian.epochs import EpochFile
from kinesis_control.drivers.guardian.server import GuardianServer
from kinesis_control.drivers.guardian.settings import GuardianSettings
from kinesis_control.errors import ConfigurationError, UnavailableError, UnknownNameError

KEY = bytes(range(32))
SERIAL, LAYOUT = 7, "0123456789abcdef"
NOW = 1_000_000_000_000
"""The server is told the time [ns]; it stands still unless a test lets it pass."""


class Peer:
    def __init__(self, server, path, role=Role.BUS):
        self.server = server
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.connect(str(path))
        self.link.settimeout(60.0)
        if role is not None:
            self.say(Hello(role=role, name="peer"))

    def say(self, message, now_ns=NOW):
        self.link.send(message.pack() if not isinstance(message, bytes) else message)
        return self.server.poll(now_ns)

    def hear(self):
        packet = self.link.recv(4096)
        return wire.unpack(packet) if packet else None

    def lease(self, floor=0, serial=SERIAL):
        self.say(LeaseRequest(serial=serial, layout_hash=LAYOUT, epoch_floor=floor))
        return self.hear()

    def beat(self, epoch, sequence):
        self.say(Heartbeat(epoch=epoch, sequence=sequence, stamp_ns=NOW, flags=1))


@pytest.fixture
def server(settings, tmp_path):
    server = GuardianServer(replace(settings, serial=SERIAL, layout_hash=LAYOUT), KEY, EpochFile(tmp_path / "r.epoch"))
    server.open()
    yield server
    server.close()


@pytest.fixture
def path(settings):
    return settings.socket


def test_the_socket_is_for_its_owner_only(server, path):
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116


def test_a_user_who_is_not_admitted_is_refused(server, path, monkeypatch):
    server._uids = {os.getuid() + 1}
    peer = Peer(server, path, role=None)
    server.poll(NOW)
    answer = peer.hear()
    assert isinstance(answer, Refused) and answer.reason == Refusal.PEER and peer.hear() is None


def test_who_does_not_say_hello_first_is_sent_away(server, path):
    peer = Peer(server, path, role=None)
    peer.say(Ask(request=Request.ARM))
    assert peer.hear() is None


@pytest.mark.parametrize("packet", [b"\0", b"\xff" * 40, Hello(role=1).pack()[:-1], b"\1" + bytes(400)])
def test_packets_that_are_none_end_the_connection(server, path, packet):
    peer = Peer(server, path)
    peer.say(packet)
    assert peer.hear() is None


def test_the_lease_rises_above_every_bank_and_every_earlier_one(server, path):
    peer = Peer(server, path)
    granted = peer.lease(floor=41)
    assert isinstance(granted, Lease) and granted.epoch == 42 and granted.key == session_key(KEY, 42)
    peer.say(Release(epoch=42))
    assert server.epoch == 0
    assert peer.lease(floor=3).epoch == 43


def test_one_holder_at_a_time(server, path):
    first, second = Peer(server, path), Peer(server, path)
    assert first.lease().epoch == 1
    assert second.lease().reason == Refusal.LEASE_HELD


def test_the_wrong_robot_gets_no_lease(server, path):
    assert Peer(server, path).lease(serial=SERIAL + 1).reason == Refusal.WRONG_ROBOT


def test_an_operator_gets_no_lease(server, path):
    assert Peer(server, path, Role.OPERATOR).lease().reason == Refusal.ROLE


def test_a_silent_holder_loses_lease_and_connection(server, path):
    peer = Peer(server, path)
    epoch = peer.lease().epoch
    peer.beat(epoch, 1)
    server.poll(NOW + 40_000_000)
    assert server.epoch == epoch
    server.poll(NOW + 60_000_000)
    assert server.epoch == 0 and peer.hear() is None


@pytest.mark.parametrize("spoil", [{"epoch": 9}, {"sequence": 1}, {"stamp_ns": 0}])
def test_a_heartbeat_of_another_epoch_repeated_or_old_is_no_life(server, path, spoil):
    peer = Peer(server, path)
    epoch = peer.lease().epoch
    peer.beat(epoch, 1)
    before = server.heartbeat()[1]
    later = NOW + 1_000_000
    peer.say(Heartbeat(**{"epoch": epoch, "sequence": 2, "stamp_ns": later, "flags": 1, **spoil}), later)
    assert server.heartbeat()[1] == before


def test_only_the_holder_hears_the_arm_token(server, path):
    holder, other = Peer(server, path), Peer(server, path, Role.MONITOR)
    epoch = holder.lease().epoch
    server.poll(NOW)
    server.send_status(Status(state=6, permit=wire.Permit.ARM, epoch=epoch, arm_count=3))
    assert holder.hear().arm_token == arm_token(KEY, epoch, 3)
    heard = other.hear()
    assert heard.arm_count == 0 and heard.arm_token == wire.NO_TOKEN


def test_an_epoch_is_stored_before_it_is_used(tmp_path):
    path = tmp_path / "r.epoch"
    assert EpochFile(path).next(5) == 6
    assert EpochFile(path).last == 6 and EpochFile(path).next(0) == 7
    path.write_text("six\n")
    with pytest.raises(ConfigurationError, match="expected a number"):
        EpochFile(path)


def test_without_room_on_disk_there_is_no_lease(tmp_path):
    with pytest.raises(UnavailableError, match="cannot be stored"):
        EpochFile(tmp_path / "missing" / "r.epoch").next(0)


def test_a_second_guardian_is_refused(server, settings, tmp_path):
    with pytest.raises(UnavailableError, match="another guardian"):
        GuardianServer(settings, KEY, EpochFile(tmp_path / "other.epoch")).open()


def test_settings_come_back_as_they_were_written(settings, tmp_path):
    path = tmp_path / "guardian.json"
    settings.write(path)
    assert GuardianSettings.read(path) == settings
    path.write_text(path.read_text().replace('"posture"', '"pasture"'))
    with pytest.raises(UnknownNameError, match="pasture"):
        GuardianSettings.read(path)


@pytest.mark.parametrize("change", [{"discrepancy_s": 0.0}, {"estop_category": (0, 7)}, {"supply_low_pa": 2e6}, {"hold_s": float("nan")}])
def test_settings_out_of_range_are_refused(settings, change):
    with pytest.raises(ConfigurationError):
        replace(settings, **change)


def test_a_key_that_others_can_read_is_refused(settings):
    os.chmod(settings.key_file, 0o644)  # noqa: PTH101
    with pytest.raises(ConfigurationError, match="mode 600"):
        settings.robot_key()
