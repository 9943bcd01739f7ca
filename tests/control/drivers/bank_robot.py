"""A robot of valve banks for tests, in a process of its own: the protection and states of the profile, pressures that obey at once.

python bank_robot.py LINK ADDRESS MUSCLES SECONDS     LINK is udp, can or ethercat; writes "ready" when it answers
"""

import os
import socket
import struct
import sys
import time

import numpy as np

from kinesis_control.drivers.codecs import can_fd, udp_bank, valve_bank
from kinesis_control.drivers.codecs.bank_peer import BankPeer
from kinesis_control.drivers.codecs.protection import Verdict
from kinesis_control.drivers.codecs.udp_bank import Kind
from kinesis_control.drivers.codecs.valve_bank import BankState, Control
from kinesis_control.muscles import MuscleLayout

ROBOT_KEY = bytes(range(32))
SERIAL = 77
JOINT_ANGLE, FORCE = 0.5, 400.0
HEAD, NOTHING, LENGTHS = struct.Struct("<III"), np.zeros(10, "<u2"), np.full(10, 10000, "<u2").tobytes()
HOLD_TICKS, RAMP_TICKS, MAX_AGE_MS = 8000, 16000, 4000  # patient: the machine that runs the tests may be busy


def names(n):
    return tuple(f"muscle_{i}" for i in range(n))


class Robot:
    def __init__(self, n_muscles):
        layout = MuscleLayout(names=names(n_muscles)).hash
        n = self.n = valve_bank.banks_of(n_muscles)
        self.boot_ns = time.monotonic_ns()
        self.nonces = [os.urandom(8) for _ in range(n)]
        word = valve_bank.layout_word(layout)
        self.peers = [BankPeer(position=i, robot_key=ROBOT_KEY, nonce=self.nonces[i], layout_word=word, max_age_ms=MAX_AGE_MS) for i in range(n)]
        _, self.states, self.rows = valve_bank.image(valve_bank.STATE, n)
        _, self.hub, self.hub_rows = valve_bank.image(valve_bank.HUB, 1)
        self.states["version"] = self.hub["version"] = 1
        self.states["data_id"], self.hub["data_id"] = valve_bank.STATE_ID + np.arange(n), valve_bank.HUB_ID
        self.states["layout"], self.states["supply"], self.states["temperature"] = word, 40000, 31
        self.states["fault_channel"] = 255
        self.bank = [BankState.DISARMED] * n
        self.counts, self.pages = [None] * n, [(LENGTHS, LENGTHS)] * n
        self.followed = [0] * n
        self.layout = layout
        self.hub["valid"], self.hub["joint_position"] = 15, round(JOINT_ANGLE / valve_bank.JOINT_RAD)
        self.hub["contact_force"], self.hub["root_quaternion"][0, 0] = round(FORCE / valve_bank.CONTACT_N), 32767

    def tick(self):
        return (time.monotonic_ns() - self.boot_ns) // 500_000 + 1

    def take(self, i, record):
        """A command for bank `i`; whether it was authentic."""
        tick = self.tick()
        verdict, command = self.peers[i].take(record, tick)
        if command is None:
            self.seal(i, tick)  # a bank tells its state whether or not it takes commands
            return verdict not in (Verdict.CRC, Verdict.MAC, Verdict.LENGTH)
        if command.control is Control.IDENT:
            self.identity(i, tick)
            return True
        if command.control is Control.ARM and command.arm_count:
            self.bank[i], self.followed[i] = BankState.ARMED, tick
        elif command.control is Control.FOLLOW and self.bank[i] in (BankState.ARMED, BankState.ACTIVE, BankState.HOLD):
            self.bank[i], self.followed[i] = BankState.ACTIVE, tick
            self.set_pressure(i, command.counts)
        elif command.control is Control.HOLD and self.bank[i] is BankState.ACTIVE:
            self.bank[i] = BankState.HOLD
        elif command.control in (Control.VENT, Control.RAMP, Control.RESET):
            self.vent(i)
        self.seal(i, tick)
        return True

    def vent(self, i):
        self.bank[i] = BankState.DISARMED
        self.set_pressure(i, NOTHING)

    def set_pressure(self, i, counts):
        """Pressures obey at once; what a state says of them is written only when they change, to be quick enough for 1 kHz."""
        if self.counts[i] is None or (counts != self.counts[i]).any():
            self.counts[i] = counts.copy()
            pressure = counts * valve_bank.PRESSURE_PA
            self.rows[i][24:44] = valve_bank.state_counts(pressure).tobytes()
            self.pages[i] = (LENGTHS, valve_bank.scaled_counts(1e-3 * pressure, valve_bank.TENSION_N).tobytes())

    def pass_time(self):
        tick = self.tick()
        for i in range(self.n):
            if self.bank[i] in (BankState.ACTIVE, BankState.HOLD) and tick - self.followed[i] > HOLD_TICKS:
                self.bank[i] = BankState.HOLD
                if tick - self.followed[i] > RAMP_TICKS:
                    self.vent(i)

    def identity(self, i, tick):
        page = np.zeros((), valve_bank.IDENT)
        page["serial"], page["firmware"], page["position"], page["channels"], page["epoch"] = SERIAL, 1, i, 10, self.peers[i].epoch
        page["layout"], page["nonce"] = np.frombuffer(bytes.fromhex(self.layout), "u1"), np.frombuffer(self.nonces[i], "u1")
        self.states["tick"][i], self.states["epoch"][i], self.states["state"][i] = tick, 0, self.bank[i] | 2 << 4
        self.rows[i][24:64] = page.tobytes()
        self.peers[i].seal_identity(self.rows[i])
        self.counts[i] = None

    def seal(self, i, tick):
        row, peer = self.rows[i], self.peers[i]
        if self.counts[i] is None:
            self.set_pressure(i, NOTHING)
        HEAD.pack_into(row, 4, tick, peer.epoch, peer.counter)
        page = peer.counter % 2
        row[3] = self.bank[i] | page << 4
        row[44:64] = self.pages[i][page]
        peer.seal_state(row)
        if i == 0:
            self.hub["tick"], self.hub["epoch"] = tick, self.peers[0].epoch
            self.peers[0].seal_state(self.hub_rows[0])


def serve_udp(robot, port, until):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind(("127.0.0.1", int(port)))
    link.settimeout(0.005)
    print("ready", flush=True)
    while time.monotonic() < until:
        robot.pass_time()
        try:
            data, sender = link.recvfrom(65536)
        except TimeoutError:
            continue
        found = udp_bank.unpack(data)
        if found is None or found[0] is not Kind.COMMANDS:
            continue
        _, first, sequence, records = found
        good = [robot.take(first + k, records[k * 52 : k * 52 + 52]) for k in range(len(records) // 52) if first + k < robot.n]
        if first == 0 and any(good):
            for datagram in udp_bank.datagrams(Kind.STATES, sequence, memoryview(b"".join(robot.rows))):
                link.sendto(datagram, sender)
            link.sendto(udp_bank.datagrams(Kind.HUBS, sequence, robot.hub_rows[0])[0], sender)


def serve_can(robot, channel, until):
    import can

    bus = can.Bus(interface="udp_multicast", channel=channel, fd=True)
    print("ready", flush=True)
    while time.monotonic() < until:
        robot.pass_time()
        frame = bus.recv(timeout=0.005)
        found = None if frame is None else can_fd.place(frame.arbitration_id)
        if found is None or found.kind != can_fd.COMMAND_FRAME or found.unit >= robot.n:
            continue
        if robot.take(found.unit, memoryview(bytes(frame.data[:52]))):
            out = can_fd.state_frames(found.unit, robot.rows[found.unit])
            out += can_fd.hub_frames(0, robot.hub_rows[0]) if found.unit == 0 else []
            for identifier, payload in out:
                bus.send(can.Message(arbitration_id=identifier, data=payload, is_extended_id=False, is_fd=True, bitrate_switch=True))
    bus.shutdown()


def serve_ethercat(robot, interface, until):
    from kinesis_sim.emulator.ethercat_slave import EthercatPort, Segment, bank_devices

    segment = None

    def on_outputs(position, record):
        robot.take(position, record)
        segment.slaves[position].inputs[:] = robot.rows[position]
        if position == 0:
            segment.slaves[robot.n].inputs[:] = robot.hub_rows[0]

    segment = Segment(bank_devices(robot.n), on_outputs, on_watchdog=robot.vent)
    with EthercatPort(interface, segment) as port:
        print("ready", flush=True)
        while time.monotonic() < until:
            port.poll(time.monotonic_ns() + 5_000_000)
            robot.pass_time()


if __name__ == "__main__":
    link, address, n, seconds = sys.argv[1:]
    {"udp": serve_udp, "can": serve_can, "ethercat": serve_ethercat}[link](Robot(int(n)), address, time.monotonic() + float(seconds))
