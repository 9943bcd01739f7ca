"""The android behind a golem robot server: gRPC, no protection, no deadline (docs/robot/wire.md, part 5). Extra: golem."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import numpy as np

from kinesis_control.drivers.codecs import golem
from kinesis_control.drivers.codecs.golem import MuscleEntry, PumpInfo, Reply, ServerConfig, SystemInfo, Telemetry
from kinesis_control.drivers.codecs.valve_bank import CHANNELS, BankState, Control
from kinesis_control.errors import UnavailableError
from kinesis_control.protobuf import WireError
from kinesis_sim.emulator.android import Android
from kinesis_sim.emulator.faults import LinkFaults
from kinesis_sim.emulator.front import Front

MBAR_PA = 100.0
TELEMETRY_S = 0.005
_ERROR_LENGTH, _ERROR_VALUE, _ERROR_REFUSED = 1, 2, 9


class GolemFront(Front):
    """A server whose calls only queue what is asked for; the emulator's own thread does it between two ticks.

    Attributes:
        allows_missing: what GetConfig says.
    """

    def __init__(self, android: Android, faults: LinkFaults, *, controller: str, state_store: str) -> None:
        """Addresses are `host:port` or `unix:PATH`."""
        self._android, self._faults = android, faults
        self._addresses = (controller, state_store)
        self.address = f"{controller} {state_store}"
        self.allows_missing = False
        self._lock = threading.Lock()
        self._orders: list[Callable[[], None]] = []
        self._news = threading.Condition()
        self._sample = b""
        self._sample_number = 0
        self._sampled_ns = 0
        self._servers: list[Any] = []
        self._ended = False
        top = android.config.firmware.max_pressure_pa
        self._top_pa = top
        n = android.n_muscles
        names = android.body.description.muscles.names
        self._info = SystemInfo(
            muscles={name: MuscleEntry(index=i, node=i // CHANNELS, channel=i % CHANNELS) for i, name in enumerate(names)},
            calibration_mbar=np.tile([0.0, top / MBAR_PA], (n, 1)),
        )
        self._targets = np.zeros((android.n_banks, CHANNELS))
        android.pump_wanted = False  # until StartWaterPump; the contactor must be closed, too

    def open(self) -> None:
        """Listen."""
        try:
            import grpc
        except ModuleNotFoundError as error:
            raise UnavailableError("golem needs the package grpcio; install it with: pip install 'kinesis-ros[golem]'") from error
        for number, (address, handler) in enumerate(zip(self._addresses, (self._controller(grpc), self._store(grpc)), strict=True)):
            if address.startswith("unix:"):
                Path(address[5:]).unlink(missing_ok=True)
            server = grpc.server(futures.ThreadPoolExecutor(max_workers=8, thread_name_prefix=f"golem-{number}"), options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers((handler,))
            try:
                bound = server.add_insecure_port(address)
            except RuntimeError:
                bound = 0
            if not bound and not address.startswith("unix:"):
                raise UnavailableError(f"golem address '{address}' cannot be used")
            server.start()
            self._servers.append(server)

    # -- the server's threads -------------------------------------------------------------------------------------------

    def _controller(self, grpc: Any) -> Any:
        unary = {
            golem.SET_PRESSURES: lambda request, _: self._set(request), golem.LOOSE: lambda request, _: self._verb(Control.VENT),
            golem.LOCK: lambda request, _: self._verb(Control.HOLD), golem.PING: lambda request, _: self._reply(),
            golem.START_PUMP: lambda request, _: self._pump(True), golem.STOP_PUMP: lambda request, _: self._pump(False),
            golem.PUMP_PRESSURE: lambda request, _: self._reply(), golem.PUMP_INFO: lambda request, _: self._pump_info(),
            golem.CONFIG: lambda request, _: golem.encode_config(ServerConfig(use_pump=True, allow_missing_nodes=self.allows_missing)),
        }  # fmt: skip
        methods = {name.rsplit("/", 1)[1]: grpc.unary_unary_rpc_method_handler(self._guarded(grpc, call)) for name, call in unary.items()}
        methods["StreamSetPressures"] = grpc.stream_unary_rpc_method_handler(self._stream)
        return grpc.method_handlers_generic_handler(golem.CONTROLLER.strip("/"), methods)

    def _store(self, grpc: Any) -> Any:
        methods = {
            "SubscribeTelemetry": grpc.unary_stream_rpc_method_handler(self._subscribe),
            "GetTelemetry": grpc.unary_unary_rpc_method_handler(self._guarded(grpc, lambda request, _: self._sample)),
            "GetSystemInfo": grpc.unary_unary_rpc_method_handler(self._guarded(grpc, lambda request, _: golem.encode_system_info(self._info))),
        }
        return grpc.method_handlers_generic_handler(golem.STATE_STORE.strip("/"), methods)

    def _guarded(self, grpc: Any, call: Callable[[bytes, Any], bytes]) -> Callable[[bytes, Any], bytes]:
        def guarded(request: bytes, context: Any) -> bytes:
            if self._faults.delay_s:
                time.sleep(self._faults.delay_s)
            if self._faults.off:
                context.abort(grpc.StatusCode.UNAVAILABLE, "no way to the robot")
            return call(request, context)

        return guarded

    def _reply(self, error: int = 0, text: str = "") -> bytes:
        if self._faults.refuses == "all":
            return self._refusal()
        return golem.encode_reply(Reply(success=not error, error=error, text=text))

    def _set(self, request: bytes) -> bytes:
        try:
            values = golem.decode_pressures(request).astype(float)
        except WireError:
            values = np.zeros(0)
        expected = self._android.n_muscles - self._faults.foreign
        if len(values) != expected:
            return self._reply(_ERROR_LENGTH, f"got {len(values)} pressures, expected {expected}")
        if not (np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0):
            return self._reply(_ERROR_VALUE, "a pressure is not 0..1")
        if self._faults.refuses:
            return self._refusal()
        self._order(lambda: self._follow(values))
        return self._reply()

    def _refusal(self) -> bytes:
        return golem.encode_reply(Reply(success=False, error=_ERROR_REFUSED, text="refused"))

    def _stream(self, requests: Iterator[bytes], context: Any) -> bytes:
        reply = self._reply()
        for request in requests:
            if self._faults.off or (self._faults.loss and np.random.default_rng().random() < self._faults.loss):
                continue
            if self._faults.delay_s:
                time.sleep(self._faults.delay_s)
            reply = self._set(request)
            if not golem.decode_reply(reply).success:
                return reply
        return reply

    def _verb(self, control: Control) -> bytes:
        if self._faults.refuses != "all":
            self._order(lambda: self._all(control))
        return self._reply()

    def _pump(self, on: bool) -> bytes:
        self._android.pump_wanted = on
        return self._reply()

    def _pump_info(self) -> bytes:
        plant = self._android.plant
        running = plant.pump_on
        return golem.encode_pump_info(PumpInfo(desired=plant.config.supply_pa / 1e5, pressure=plant.supply / 1e5, running=running, active=running))

    def _subscribe(self, request: bytes, context: Any) -> Iterator[bytes]:
        seen = 0
        while not self._ended and context.is_active():
            with self._news:
                self._news.wait_for(lambda: self._sample_number != seen or self._ended, timeout=0.2)  # noqa: B023 - used at once
                if self._sample_number == seen:
                    continue
                seen, sample = self._sample_number, self._sample
            if self._faults.delay_s:
                time.sleep(self._faults.delay_s)
            if not self._faults.off:
                yield sample

    def _order(self, order: Callable[[], None]) -> None:
        with self._lock:
            self._orders.append(order)

    # -- the emulator's thread ------------------------------------------------------------------------------------------

    def poll(self, until_ns: int) -> None:
        left = 1e-9 * (until_ns - time.monotonic_ns())
        if left > 0.0:
            time.sleep(left)
        with self._lock:
            orders, self._orders = self._orders, []
        for order in orders:
            order()
        now = self._android.clock()
        if now - self._sampled_ns >= 1e9 * TELEMETRY_S:
            self._sampled_ns = now
            with self._news:
                self._sample, self._sample_number = self._telemetry(), self._sample_number + 1
                self._news.notify_all()

    def _follow(self, values: np.ndarray) -> None:
        """Such a server keeps the last pressures for ever and arms by itself: its nodes need no token."""
        banks = self._android.banks
        self._targets.reshape(-1)[: len(values)] = self._top_pa * values
        for bank in range(banks.n_banks):
            if banks.state[bank] == BankState.DISARMED:
                banks.obey(bank, Control.ARM, self._targets[bank], armed=True)
            if banks.state[bank] == BankState.ARMED:
                banks.state[bank] = BankState.ACTIVE  # no check of the first pressures in these nodes
            banks.obey(bank, Control.FOLLOW, self._targets[bank])

    def _all(self, control: Control) -> None:
        banks = self._android.banks
        for bank in range(banks.n_banks):
            if control is Control.HOLD and banks.state[bank] == BankState.DISARMED:
                banks.obey(bank, Control.ARM, self._targets[bank], armed=True)
            banks.obey(bank, control, self._targets[bank])
            if control is Control.VENT:
                banks.obey(bank, Control.RESET, self._targets[bank])  # nothing stays latched behind this server

    def _telemetry(self) -> bytes:
        android, state = self._android, self._android.skeleton.state
        pressures = (android.measured_pa / self._top_pa).astype(np.float32)[: android.n_muscles - self._faults.foreign]
        quaternion = state.root_quaternion[None, :].copy()
        return golem.encode_telemetry(
            Telemetry(pressures=pressures, imu_quaternion=quaternion, imu_valid=np.array([android.inertial_works]), time=android.time_s)
        )

    def close(self) -> None:
        self._ended = True
        with self._news:
            self._news.notify_all()
        for server in self._servers:
            server.stop(grace=0.2).wait(1.0)
        self._servers = []
