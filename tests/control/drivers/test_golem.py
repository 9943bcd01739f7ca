"""The golem driver and its codec, against a server in this process that knows the wire only as hand-made bytes and the codec."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kinesis_control import protobuf
from kinesis_control.drivers.base import IdentityError, LinkError
from kinesis_control.drivers.codecs import golem
from kinesis_control.drivers.codecs.golem import MuscleEntry, Reply, ServerConfig, SystemInfo, Telemetry
from kinesis_control.drivers.codecs.valve_bank import BankFault
from kinesis_control.drivers.frames import Control, LinkFault

grpc = pytest.importorskip("grpc")
from kinesis_control.drivers.golem import GolemConfig, GolemDriver, rate_cap_hz  # noqa: E402

NAMES = ("biceps", "triceps", "flexor")


# -- bytes, worked out by hand from the field numbers -----------------------------------------------------------------


def test_pressures_as_bytes():
    assert golem.encode_pressures(np.array([0.0, 1.0])) == bytes.fromhex("0a08" + "00000000" + "0000803f")


def test_replies_as_bytes():
    assert golem.decode_reply(bytes.fromhex("0801")) == Reply(success=True)
    assert golem.decode_reply(bytes.fromhex("1206" + "0805" + "1202" + "6e6f")) == Reply(success=False, error=5, text="no")
    assert golem.decode_reply(b"") == Reply(success=False)


def test_telemetry_as_bytes():
    sample = golem.decode_telemetry(bytes.fromhex("0a12" + "0a0a" + "0a08" + "0000003f" + "0000c07f" + "1a04" + "0802" + "1064"))
    np.testing.assert_array_equal(sample.pressures, [0.5, np.nan])
    assert sample.time == pytest.approx(2.0 + 100e-9)


def test_system_info_as_bytes():
    entry = "120e" + "0a06" + "626963657073" + "1204" + "1007" + "1803"
    calibration = "220c" + "0a0a" + "0d00004842" + "1500007a45"
    body = entry + calibration
    info = golem.decode_system_info(bytes.fromhex("0a%02x" % (len(body) // 2) + body))
    assert info.muscles == {"biceps": MuscleEntry(index=0, node=7, channel=3)}
    np.testing.assert_array_equal(info.calibration_mbar, [[50.0, 4000.0]])


def test_config_as_bytes():
    assert golem.decode_config(bytes.fromhex("0864" + "1001")) == ServerConfig(max_impulse_ms=100, use_pump=True, allow_missing_nodes=False)


@pytest.mark.parametrize("data", ["0a", "0aff", "0bff", "0a05 00", "80" * 11, "00", "0d0000"])
def test_broken_bytes_are_named(data):
    with pytest.raises(protobuf.WireError):
        list(protobuf.fields(bytes.fromhex(data)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 1.001])
def test_what_a_server_is_never_sent(bad):
    with pytest.raises(ValueError, match="finite"):
        golem.encode_pressures(np.array([0.5, bad]))


# -- the driver -------------------------------------------------------------------------------------------------------


class Server:
    """Keeps what it was asked, in order; tells back the pressures it was sent."""

    def __init__(self, address):
        self.order = ("triceps", "flexor", "biceps")  # not the order of the stack
        self.calls, self.requests, self.request_times = [], [], []
        self.config = ServerConfig(use_pump=True)
        self.calibration = np.array([[100.0, 5100.0], [0.0, 4000.0], [50.0, 6050.0]])
        self.success, self.dead = True, None
        self.pressures = np.zeros(3, np.float32)
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((self,))
        self._server.add_insecure_port(address)
        self._server.start()

    def service(self, details):
        method = details.method
        if method == golem.STREAM_PRESSURES:
            return grpc.stream_unary_rpc_method_handler(self._stream)
        if method == golem.SUBSCRIBE:
            return grpc.unary_stream_rpc_method_handler(self._subscribe)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._single(method))

    def _single(self, method):
        self.calls.append(method)
        if method == golem.CONFIG:
            return golem.encode_config(self.config)
        if method == golem.SYSTEM_INFO:
            muscles = {name: MuscleEntry(index=i, node=10 + i, channel=i) for i, name in enumerate(self.order)}
            return golem.encode_system_info(SystemInfo(muscles=muscles, calibration_mbar=self.calibration))
        if method == golem.LOOSE:
            self.pressures = np.zeros(3, np.float32)
        return golem.encode_reply(Reply(success=self.success, error=0 if self.success else 4, text="" if self.success else "pump is off"))

    def _stream(self, requests, context):
        for request in requests:
            self.requests.append(golem.decode_pressures(request))
            self.request_times.append(time.monotonic())
            self.pressures = self.requests[-1]
        return golem.encode_reply(Reply(success=True))

    def _subscribe(self, request, context):
        while context.is_active():
            values = self.pressures.copy()
            if self.dead is not None:
                values[self.dead] = np.nan
            sample = Telemetry(pressures=values, imu_quaternion=np.eye(4)[:2], imu_valid=np.array([True, False]), time=time.monotonic())
            yield golem.encode_telemetry(sample)
            time.sleep(0.005)

    def stop(self):
        self._server.stop(None).wait()


@pytest.fixture
def server(tmp_path):
    found = Server(f"unix:{tmp_path}/golem")
    found.address = f"unix:{tmp_path}/golem"
    yield found
    found.stop()


def make(server, **settings):
    return GolemDriver(GolemConfig(muscles=NAMES, controller=server.address, state_store=server.address, timeout_s=10.0, n_imus=2, **settings))


def test_follows_in_the_servers_order_and_range(server, until):
    with make(server) as driver:
        driver.identify()
        command, state = driver.frames()
        command.control = Control.FOLLOW
        command.values[:] = (5.0e4, 20e4, 10e4)  # biceps, triceps, flexor
        until(driver, command, state, lambda s: server.requests and np.allclose(state.pressure_pa, command.values, rtol=1e-4))
        # triceps 1900 of 5000 mbar above its minimum, flexor 1000 of 4000, biceps 450 of 6000
        np.testing.assert_allclose(server.requests[-1], (0.38, 0.25, 0.075), rtol=1e-5)
        np.testing.assert_allclose(state.imu_quaternion[0], (1.0, 0.0, 0.0, 0.0))
        assert np.isnan(state.imu_quaternion[1]).all(), "a unit without a good signal has no orientation"
        server.dead = 0
        until(driver, command, state, lambda s: np.isnan(state.pressure_pa[1]))
        command.control = Control.HOLD
        until(driver, command, state, lambda s: server.calls.count(golem.LOCK) == 2)
        end, quiet = time.monotonic() + 60.0, 0
        while quiet < 20:  # what was on its way may still arrive; then there are no pressures while it holds
            assert time.monotonic() < end, "pressures are sent while it holds"
            sent = len(server.requests)
            driver.exchange(command, state, time.monotonic_ns() + 100_000_000)
            time.sleep(0.005)
            quiet = quiet + 1 if len(server.requests) == sent else 0
    assert server.calls[-1] == golem.LOOSE


def test_the_rate_stays_below_the_cap(server):
    with make(server) as driver:
        driver.identify()
        driver._decimator.period_ns = 20_000_000  # the cap of 333 muscles, for a robot of three
        command, state = driver.frames()
        command.control = Control.FOLLOW
        begin, cycles = time.monotonic(), 0
        while len(server.requests) < 5 or cycles < 200:
            assert time.monotonic() < begin + 60.0, "no pressures arrive"
            driver.exchange(command, state, time.monotonic_ns() + 100_000_000)
            cycles += 1
            time.sleep(0.001)
        elapsed = time.monotonic() - begin
    assert len(server.requests) <= elapsed / 0.02 + 2
    assert rate_cap_hz(80) == pytest.approx(83.3, abs=0.1) and rate_cap_hz(290) == pytest.approx(23.0, abs=0.1)


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (lambda s: setattr(s, "config", ServerConfig(allow_missing_nodes=True)), {}, "missing nodes"),
        (lambda s: setattr(s, "order", ("triceps", "flexor", "soleus")), {}, "soleus"),
        (lambda s: None, {"nodes": {"biceps": (12, 9)}}, "biceps"),
        (lambda s: None, {"calibration_mbar": {"flexor": (0.0, 3000.0)}}, "flexor"),
        (lambda s: s.calibration.__setitem__((0, 1), np.nan), {}, "triceps"),
    ],
)
def test_nothing_is_armed_on_another_robot(server, change, settings, words):
    change(server)
    with make(server, **settings) as driver, pytest.raises(IdentityError, match=words):
        driver.identify()
    assert not server.requests


def test_a_refusal_is_told(server, until):
    with make(server) as driver:
        driver.identify()
        server.success = False
        command, state = driver.frames()
        command.control = Control.HOLD
        until(driver, command, state, lambda s: s.totals[LinkFault.REFUSED] > 0)
        assert "error 4: pump is off" in driver.last_error


def test_a_server_that_refuses_again_and_again_is_a_broken_bank(server, until):
    with make(server) as driver:
        driver.identify()
        command, state = driver.frames()
        command.control = Control.HOLD
        until(driver, command, state, lambda s: server.calls.count(golem.LOCK) == 2)
        assert state.bank_faults[0] == BankFault.NONE
        server.success = False

        def refused(_):
            if not driver._verbs:  # the last verb was answered
                command.control = Control.VENT if command.control is Control.HOLD else Control.HOLD
            return state.bank_faults[0] == BankFault.INTERNAL

        until(driver, command, state, refused)
        server.success = True
        command.control = Control.VENT
        until(driver, command, state, lambda s: state.bank_faults[0] == BankFault.NONE)


def test_a_server_that_goes_away_and_one_that_never_was(server, until, tmp_path):
    with make(server) as driver:
        driver.identify()
        server.stop()
        command, state = driver.frames()
        until(driver, command, state, lambda s: s.fault is LinkFault.DOWN)
    lost = GolemDriver(GolemConfig(muscles=NAMES, controller=f"unix:{tmp_path}/none", state_store=f"unix:{tmp_path}/none", timeout_s=0.2))
    with pytest.raises(LinkError, match="Ping failed"):
        lost.open()
