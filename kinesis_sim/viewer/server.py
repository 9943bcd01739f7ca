"""Serves the page and its one connection per browser, in a thread of its own. Knows nothing of ROS and bodies.

Each browser has room for one frame: a new one takes the place of one that was not sent yet. So a slow browser, or one
that has stopped reading, sees fewer frames, and nobody waits for it.
"""

import asyncio
import errno
import http
import json
import logging
import mimetypes
import queue
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from kinesis_control.errors import UnavailableError
from kinesis_sim.viewer.access import Access, is_loopback

PAGE = Path(__file__).with_name("page")
MAX_PAGES = 16
"""Browsers that are served at once."""

MAX_MESSAGE = 8192
"""Longest message of a browser [bytes]."""

MAX_RATE = 120.0
"""Messages a second that a browser may send, on average; one that sends more is sent away."""

MAX_NEWS = 100
"""Texts that wait for a slow browser; the oldest give way."""

POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'"
"""Content security policy: nothing from elsewhere is loaded, and no other page may frame this one."""

REPORTS = "/report/"
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""Reports hold text and drawings and nothing that runs; only the page may show them inside itself."""


class Event(NamedTuple):
    """Something a browser did; `message` is None for coming (`open`) and going."""

    page: int
    message: str | bytes | None
    open: bool


class _Browser:
    """One connection and what waits for it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.frame: bytes | None = None
        self.news: deque[str | bytes] = deque(maxlen=MAX_NEWS)
        self.ready = asyncio.Event()
        self.credit, self.seen_s = MAX_RATE, time.monotonic()

    def may_send(self) -> bool:
        """Count one message in; False when there were too many."""
        now = time.monotonic()
        self.credit = min(self.credit + (now - self.seen_s) * MAX_RATE, MAX_RATE) - 1.0
        self.seen_s = now
        return self.credit > 0.0


class PageServer:
    """The page at one port. All methods may be called from any thread.

    Attributes:
        port: that is listened on.
        events: what browsers did, to be emptied by the owner.
    """

    def __init__(self, access: Access, port: int) -> None:
        """Start to listen; port 0 takes any free one.

        Raises:
            UnavailableError: the port is in use, or the address is not one of this machine.
        """
        self.port = port
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._access = access
        self._reports: dict[str, Path] = {}
        self._browsers: dict[int, _Browser] = {}
        self._count = 0
        self._loop = asyncio.new_event_loop()
        self._begun: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
        self._end = asyncio.Event()
        logging.getLogger("websockets").setLevel(logging.CRITICAL)  # browsers that break off are nothing to report
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()
        if error := self._begun.get():
            self._thread.join()
            raise _unavailable(access.host, port, error) from error

    @property
    def pages(self) -> tuple[int, ...]:
        """Numbers of the browsers that are connected."""
        return tuple(self._browsers)

    @property
    def address(self) -> str:
        """Where the page is opened."""
        host = self._access.host
        name = "localhost" if is_loopback(host) else socket.gethostname() if host in ("0.0.0.0", "::") else host
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}" + (f"/?token={self._access.token}" if self._access.token else "")

    def offer_report(self, name: str, file: Path) -> str:
        """Serve a self-contained HTML file beside the page; its path under `address`, to which a token has still to be added."""
        self._reports[name] = file
        return f"{REPORTS}{name}"

    def send_frame(self, frame: bytes) -> None:
        """Offer a frame to every browser."""
        self._call(self._offer, frame)

    def send(self, news: dict[str, Any] | bytes, page: int | None = None) -> None:
        """Send JSON, or the scene, to one browser or to all."""
        data = news if isinstance(news, bytes) else json.dumps(news, allow_nan=False)
        self._call(self._post, data, page)

    def close(self) -> None:
        """Close every connection and stop listening."""
        self._call(self._end.set)
        self._thread.join(timeout=5.0)

    def _call(self, function: Any, *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _offer(self, frame: bytes) -> None:
        for browser in self._browsers.values():
            browser.frame = frame
            browser.ready.set()

    def _post(self, data: str | bytes, page: int | None) -> None:
        for number, browser in self._browsers.items():
            if page in (None, number):
                browser.news.append(data)
                browser.ready.set()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        try:
            server = await serve(
                self._on_browser, self._access.host, self.port, process_request=self._on_request, compression=None, max_size=MAX_MESSAGE, max_queue=8,
                ping_interval=5.0, ping_timeout=20.0, close_timeout=1.0,
            )  # fmt: skip
        except OSError as error:
            self._begun.put(error)
            return
        async with server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._begun.put(None)
            await self._end.wait()

    def _on_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse, answer with a file, or return None to let a connection be made."""
        refusal = self._access.refusal(_header(request, "Host"), _header(request, "Origin"), request.path)
        path = urlsplit(request.path).path
        if path == "/socket":
            return _plain(http.HTTPStatus.FORBIDDEN, refusal) if refusal else None
        report = self._reports.get(path.removeprefix(REPORTS)) if path.startswith(REPORTS) else None
        file = report or PAGE / (path.lstrip("/") or "index.html")
        if not file.is_file() or (report is None and file.parent != PAGE):
            return _plain(http.HTTPStatus.NOT_FOUND, f"no such page; try {self.address}" if not refusal else "no such page")
        if refusal and file.suffix == ".html":  # style and script hold nothing of the body, and carry no token
            return _plain(http.HTTPStatus.FORBIDDEN, refusal)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return _response(http.HTTPStatus.OK, "text/javascript" if file.suffix == ".js" else kind, file.read_bytes(), REPORT_POLICY if report else POLICY)

    async def _on_browser(self, connection: ServerConnection) -> None:
        if len(self._browsers) >= MAX_PAGES:  # said on the connection, because a page is not told why it got none
            await connection.close(CloseCode.TRY_AGAIN_LATER, f"{MAX_PAGES} pages are open already; close one")
            return
        self._count += 1
        number, browser = self._count, _Browser(connection)
        self._browsers[number] = browser
        self.events.put(Event(number, None, True))
        sender = asyncio.create_task(_send_what_waits(browser))
        try:
            async for message in connection:
                if not browser.may_send():
                    await connection.close(CloseCode.POLICY_VIOLATION, "this page has sent too many messages")
                    break
                self.events.put(Event(number, message, True))
        except ConnectionClosed:
            pass
        finally:
            sender.cancel()
            del self._browsers[number]
            self.events.put(Event(number, None, False))


async def _send_what_waits(browser: _Browser) -> None:
    try:
        while True:
            await browser.ready.wait()
            browser.ready.clear()
            while browser.news:
                await browser.connection.send(browser.news.popleft())
            if (frame := browser.frame) is not None:
                browser.frame = None
                await browser.connection.send(frame)
    except ConnectionClosed:
        pass


def _header(request: Request, name: str) -> str:
    values = request.headers.get_all(name)
    return values[0] if len(values) == 1 else ""


def _plain(status: http.HTTPStatus, text: str) -> Response:
    return _response(status, "text/plain", f"{text}\n".encode())


def _response(status: http.HTTPStatus, kind: str, body: bytes, policy: str = POLICY) -> Response:
    headers = Headers()
    headers["Content-Type"] = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    headers["Content-Length"] = str(len(body))
    headers["Cache-Control"] = "no-store"
    headers["Connection"] = "close"
    headers["Content-Security-Policy"] = policy
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    return Response(status.value, status.phrase, headers, body)


def _unavailable(host: str, port: int, error: OSError) -> UnavailableError:
    if error.errno == errno.EADDRINUSE:
        return UnavailableError(f"port {port} of {host} is in use: end what uses it, or give another with --web PORT")
    return UnavailableError(f"cannot serve the page at {host}:{port}: {error.strerror or error}")
