"""Calls of a golem robot server over gRPC (extra `robot`: grpcio), without generated code; the guardian can use it, too."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from kinesis_control.drivers.codecs import golem
from kinesis_control.drivers.codecs.golem import PumpInfo, Reply, ServerConfig, SystemInfo, Telemetry
from kinesis_control.drivers.errors import LinkError, ProtocolError
from kinesis_control.protobuf import WireError

_OPTIONS = [("grpc.max_reconnect_backoff_ms", 500), ("grpc.initial_reconnect_backoff_ms", 50)]


T = TypeVar("T")


class GolemClient:
    """One server: a channel to its controller and one to its state store, `host:port` or `unix:PATH`."""

    def __init__(self, controller: str, state_store: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._names = (controller, state_store)
        self._channels = [grpc.insecure_channel(address, options=_OPTIONS) for address in (controller, state_store)]
        self._calls: dict[str, Callable[..., Any]] = {}

    def command(self, method: str, request: bytes = b"") -> Reply:
        """A call that the server answers with success or an error.

        Raises:
            LinkError: no answer in time.
            ProtocolError: an answer that is none.
        """
        return self._decoded(method, golem.decode_reply, self._call(0, method, request))

    def begin(self, method: str) -> Any:
        """The same without waiting: a future of the answer's bytes, with `done()` and `result()`."""
        return self._channels[0].unary_unary(method).future(b"", timeout=self._timeout_s)

    def config(self) -> ServerConfig:
        """What the server allows. Raises as `command`."""
        return self._decoded(golem.CONFIG, golem.decode_config, self._call(0, golem.CONFIG))

    def pump_info(self) -> PumpInfo:
        """State of the pump. Raises as `command`."""
        return self._decoded(golem.PUMP_INFO, golem.decode_pump_info, self._call(0, golem.PUMP_INFO))

    def system_info(self) -> SystemInfo:
        """Muscles and calibration. Raises as `command`."""
        return self._decoded(golem.SYSTEM_INFO, golem.decode_system_info, self._call(1, golem.SYSTEM_INFO))

    def telemetry(self) -> Telemetry:
        """One sample. Raises as `command`."""
        return self._decoded(golem.TELEMETRY, golem.decode_telemetry, self._call(1, golem.TELEMETRY))

    def subscribe(self) -> Any:
        """Iterator over samples as bytes; has `cancel()`."""
        return self._channels[1].unary_stream(golem.SUBSCRIBE)(b"")

    def stream_pressures(self, requests: Iterator[bytes]) -> Any:
        """Future of the reply to a stream of pressures; has `cancel()` and `done()`."""
        return self._channels[0].stream_unary(golem.STREAM_PRESSURES).future(requests)

    def close(self) -> None:
        """Close both channels."""
        for channel in self._channels:
            channel.close()

    def _call(self, store: int, method: str, request: bytes = b"") -> bytes:
        call = self._calls.get(method)
        if call is None:
            call = self._calls[method] = self._channels[store].unary_unary(method)
        try:
            answer: bytes = call(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            code = error.code().name if hasattr(error, "code") else "unknown"
            raise LinkError(f"golem server {self._names[store]}: {method.rsplit('/', 1)[1]} failed ({code})") from error
        return answer

    def _decoded(self, method: str, decode: Callable[[bytes], T], data: bytes) -> T:
        try:
            return decode(data)
        except WireError as error:
            raise ProtocolError(f"golem server: the answer to {method.rsplit('/', 1)[1]} cannot be read: {error}") from error


class NewestRequest:
    """An iterator of requests that hands out only the newest one; whoever is slow skips, nobody waits for him."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._request: bytes | None = None
        self._ended = False

    def put(self, request: bytes) -> None:
        """Replace what was not sent yet."""
        with self._wake:
            self._request = request
            self._wake.notify()

    def clear(self) -> None:
        """What was not sent yet is not to be sent."""
        with self._wake:
            self._request = None

    def end(self) -> None:
        """No more requests."""
        with self._wake:
            self._ended, self._request = True, None
            self._wake.notify()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._wake:
            self._wake.wait_for(lambda: self._request is not None or self._ended)
            request, self._request = self._request, None
        if request is None:
            raise StopIteration
        return request


class TelemetryReader:
    """Reads the telemetry stream in a thread of its own.

    Attributes:
        sample: the newest one, with `stamp_ns` of its arrival; None before the first.
        errors: samples that could not be read.
    """

    def __init__(self, client: GolemClient, clock_ns: Callable[[], int]) -> None:
        self.sample: tuple[Telemetry, int] | None = None
        self.errors = 0
        self._clock_ns = clock_ns
        self._call = client.subscribe()
        self._thread = threading.Thread(target=self._read, name="golem-telemetry", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the stream still runs."""
        return self._thread.is_alive()

    def _read(self) -> None:
        try:
            for data in self._call:
                try:
                    self.sample = (golem.decode_telemetry(data), self._clock_ns())
                except WireError:
                    self.errors += 1
        except grpc.RpcError:
            pass  # the server ended the stream: `alive` says so

    def close(self) -> None:
        """End the stream and the thread."""
        self._call.cancel()
        self._thread.join(timeout=1.0)
