"""An android whose time only the test moves, and an emulator in lock-step on a thread of its own."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest

from kinesis_control.drivers.codecs.valve_bank import Control
from kinesis_sim.bodies import load_body
from kinesis_sim.emulator.android import Android, AndroidConfig
from kinesis_sim.emulator.port import TestPortClient
from kinesis_sim.emulator.run import Emulator, EmulatorSettings

KEY = bytes(range(32))


@pytest.fixture(scope="session")
def legs80():
    return load_body("legs80")


class Driven:
    """An android with supply and direct access to its banks."""

    def __init__(self, body, **config):
        self.android = Android(body, AndroidConfig(**config), robot_key=KEY)
        self.banks, self.plant = self.android.banks, self.android.plant
        self.android.contactor, self.android.dump_open = True, False
        self.plant.supply = 850e3
        self.run(0.11)

    def run(self, seconds):
        self.android.advance(round(seconds / 0.0005))
        return self

    def all(self, control, pressure=0.0, **options):
        for bank in range(self.banks.n_banks):
            self.banks.obey(bank, control, np.full(10, float(pressure)), **options)

    def arm(self):
        self.all(Control.ARM, armed=True)
        return self

    def follow(self, pressure, seconds):
        """FOLLOW every 10 ms."""
        for _ in range(round(seconds / 0.01)):
            self.all(Control.FOLLOW, pressure)
            self.run(0.01)
        return self


@pytest.fixture
def driven(legs80):
    return Driven(legs80)


@pytest.fixture
def active(driven):
    """Armed, and following 0.5 bar."""
    driven.arm().follow(0.0, 0.01).follow(50e3, 0.5)
    return driven


@pytest.fixture
def served(tmp_path):
    """`with served("udp", {"port": 0}) as (emulator, port): ...`, time passing only through `port`.

    Without `board`, the test plays the guardian: nothing else may write pump, contactor and dump valve.
    """

    @contextmanager
    def serve(bus, address, board=True):
        settings = EmulatorSettings(
            bus=bus, clock="lockstep", folder=tmp_path / "robot", address=address, android=AndroidConfig(), faults=True, mode="pressure", loop={}
        )
        emulator = Emulator(settings)
        emulator.open()
        if not board:  # before the thread begins: one poll under way would switch off what the test switches on
            emulator._board.close()
            emulator._board = None
        thread = threading.Thread(target=emulator.run, daemon=True)
        thread.start()
        port = TestPortClient(emulator.kit.test_socket, timeout_s=60.0)
        try:
            yield emulator, port
        finally:
            emulator.stopping = True
            thread.join(timeout=30.0)
            port.close()
            emulator.close()

    return serve
