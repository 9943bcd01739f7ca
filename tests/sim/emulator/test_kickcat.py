"""A second EtherCAT master, written by others in another language, brings the emulated devices to OPERATIONAL and exchanges process data."""

import multiprocessing
import os
import subprocess
import time

import pytest

from kinesis_control.drivers.codecs.valve_bank import COMMAND, HUB, STATE
from kinesis_sim.emulator.ethercat_slave import EthercatPort, Segment, bank_devices

kickcat = pytest.importorskip("kickcat", reason="the second EtherCAT master is not installed: pip install kickcat")
BANKS, LIMIT_S, HUB_BYTES = 1, 30.0, b"\x55" * HUB.itemsize


def echo(interface, ready, ended):
    """A segment whose banks answer with what they were told; in a process of its own, as the master lets no other thread run."""
    size = min(COMMAND.itemsize, STATE.itemsize)

    def told(bank, record):
        segment.slaves[bank].inputs[:size] = record[:size]

    segment = Segment(bank_devices(BANKS), told)
    segment.slaves[BANKS].inputs[:] = HUB_BYTES
    with EthercatPort(interface, segment) as port:
        ready.set()
        while not ended.is_set():
            port.poll(time.monotonic_ns() + 5_000_000)


@pytest.fixture
def interface():
    """The master's end of a cable to the segment."""
    near, far = f"kk{os.getpid() % 100000}a", f"kk{os.getpid() % 100000}b"
    made = subprocess.run(["ip", "link", "add", near, "type", "veth", "peer", "name", far], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no pair of network interfaces can be made here: {made.stderr.strip()}")
    context = multiprocessing.get_context("spawn")
    ready, ended = context.Event(), context.Event()
    process = context.Process(target=echo, args=(far, ready, ended))
    try:
        for end in (near, far):
            subprocess.run(["ip", "link", "set", end, "up"], check=True)
        process.start()
        assert ready.wait(60.0)
        yield near
    finally:
        ended.set()
        if process.pid is not None:
            process.join()
        subprocess.run(["ip", "link", "del", near], check=False)


def test_another_master_brings_the_devices_up_and_exchanges_process_data(interface):
    link = kickcat.create_link(interface, "")
    link.set_timeout(0.5)  # the devices answer when their process gets the processor
    bus = kickcat.Bus(link)
    bus.init(1.0)
    bus.create_mapping()
    devices = bus.slaves()
    assert [device.input_size for device in devices] == [STATE.itemsize] * BANKS + [HUB.itemsize]
    assert [device.output_size for device in devices] == [COMMAND.itemsize] * BANKS + [0]
    bus.request_state(kickcat.State.SAFE_OP)
    bus.wait_for_state(kickcat.State.SAFE_OP, LIMIT_S)

    words = [bytes([0xA0 + bank]) * COMMAND.itemsize for bank in range(BANKS)]
    for device, word in zip(devices, words, strict=False):
        device.set_output_bytes(word)
    bus.process_data_no_check()
    bus.request_state(kickcat.State.OPERATIONAL)
    bus.wait_for_state(kickcat.State.OPERATIONAL, LIMIT_S, bus.process_data_no_check)
    assert all(bus.get_state(device) == kickcat.State.OPERATIONAL for device in devices)

    size, until = min(COMMAND.itemsize, STATE.itemsize), time.monotonic() + LIMIT_S
    while [device.input_data[:size] for device in devices[:BANKS]] != [word[:size] for word in words] and time.monotonic() < until:
        bus.process_data_no_check()
    assert [device.input_data[:size] for device in devices[:BANKS]] == [word[:size] for word in words]
    assert devices[BANKS].input_data == HUB_BYTES
