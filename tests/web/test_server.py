"""The server with real connections: files, refusals, slow and rude browsers."""

import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

pytest.importorskip("websockets")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from kinesis_control.errors import UnavailableError
from kinesis_sim.viewer.access import Access
from kinesis_sim.viewer.server import MAX_MESSAGE, MAX_PAGES, PAGE, PageServer

PATIENCE_S = 60.0


@pytest.fixture
def server():
    server = PageServer(Access.for_host("127.0.0.1"), 0)
    yield server
    server.close()


def get(server, path, host=None):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def browser(server, **options):
    options.setdefault("origin", f"http://127.0.0.1:{server.port}")
    return connect(f"ws://127.0.0.1:{server.port}/socket", compression=None, open_timeout=PATIENCE_S, **options)


def wait(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_file_of_the_page_is_served_and_nothing_else(server):
    status, headers, page = get(server, "/")
    assert status == 200 and "<title>Kinesis</title>" in page
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    for file in PAGE.iterdir():
        assert get(server, f"/{file.name}")[2] == file.read_text(encoding="utf-8")
    for path in ("/../server.py", "/%2e%2e/server.py", "/page", "/nothing.js", "//etc/passwd"):
        assert get(server, path)[0] == 404


def test_no_file_of_the_page_points_elsewhere():
    for file in PAGE.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text and "https://" not in text.replace('"https:"', ""), file.name


def test_a_report_is_served_beside_the_page_and_nothing_in_it_runs(server, tmp_path):
    file = tmp_path / "index.html"
    file.write_text("<h1>report</h1>")
    assert get(server, "/report/mine")[0] == 404
    path = server.offer_report("mine", file)
    status, headers, text = get(server, path)
    assert (status, text) == (200, "<h1>report</h1>")
    assert "default-src 'none'" in headers["Content-Security-Policy"] and "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert get(server, path, host="evil.example")[0] == 403
    for other in ("/report/", "/report/../index.html", "/report/mine/../mine"):
        assert get(server, other)[0] == 404


def test_a_stranger_is_not_told_the_token(tmp_path):
    server = PageServer(Access.for_host("0.0.0.0", "secret-token"), 0)
    file = tmp_path / "index.html"
    file.write_text("x")
    path = server.offer_report("mine", file)
    try:
        assert server.address == f"http://{socket.gethostname()}:{server.port}/?token=secret-token"
        for asked in ("/", "/nothing", "/socket", path):
            status, headers, text = get(server, asked, host="robot:8080")
            assert status in (403, 404) and "secret" not in text + str(headers)
        assert get(server, f"{path}?token=secret-token", host="robot:8080")[0] == 200
    finally:
        server.close()


def test_another_name_or_origin_is_refused(server):
    status, _, text = get(server, "/", host="evil.example")
    assert status == 403 and "evil.example" in text
    with pytest.raises(InvalidStatus) as refused, browser(server, origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    assert server.events.empty()


def test_news_and_frames_arrive_and_what_is_sent_is_heard(server):
    with browser(server) as page:
        wait(lambda: server.pages)
        server.send({"kind": "reply", "text": "ä"})
        server.send_frame(b"frame")
        assert {page.recv(PATIENCE_S), page.recv(PATIENCE_S)} == {json.dumps({"kind": "reply", "text": "ä"}), b"frame"}
        page.send("hello")
        came, said = server.events.get(timeout=PATIENCE_S), server.events.get(timeout=PATIENCE_S)
    gone = server.events.get(timeout=PATIENCE_S)
    assert (came.message, came.open, said.message) == (None, True, "hello")
    assert (gone.page, gone.message, gone.open) == (came.page, None, False)


def test_a_browser_that_stops_reading_holds_up_nobody(server):
    """Far more is offered than every buffer on the way can hold; the one that reads goes on getting the newest."""
    with browser(server, max_queue=1) as lazy, browser(server) as good:
        wait(lambda: len(server.pages) == 2)
        for number in range(400):
            server.send_frame(number.to_bytes(4, "little") + bytes(100_000))
            if number % 20 == 19:
                while int.from_bytes(good.recv(PATIENCE_S)[:4], "little") != number:
                    pass
        got, deadline = 0, time.monotonic() + PATIENCE_S
        while int.from_bytes(lazy.recv(PATIENCE_S)[:4], "little") != 399:
            got += 1
            assert time.monotonic() < deadline
        assert got < 399  # frames were dropped for it, the newest was not


def test_a_flood_and_a_giant_message_end_the_connection_only(server):
    with browser(server) as page, pytest.raises(ConnectionClosed):
        for _ in range(100_000):
            page.send("{}")
        page.recv(PATIENCE_S)  # the end may come later than all of it was sent
    with browser(server) as page:
        page.send("x" * (MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            page.recv(PATIENCE_S)
    with browser(server) as page:
        server.events.get(timeout=PATIENCE_S)
        wait(lambda: len(server.pages) == 1)


def test_too_many_pages_are_told_so(server):
    with ExitStack() as pages:
        for _ in range(MAX_PAGES):
            pages.enter_context(browser(server))
        wait(lambda: len(server.pages) == MAX_PAGES)
        with browser(server) as late, pytest.raises(ConnectionClosed) as refused:
            late.recv(timeout=PATIENCE_S)
        assert refused.value.rcvd.code == 1013 and "close one" in refused.value.rcvd.reason
        assert len(server.pages) == MAX_PAGES


def test_rubbish_instead_of_http_is_survived(server):
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(bytes(range(256)) * 10 + b"\r\n\r\n")
        raw.settimeout(PATIENCE_S)
        while raw.recv(1000):
            pass
    assert get(server, "/")[0] == 200


def test_a_port_in_use_is_named(server):
    with pytest.raises(UnavailableError, match=f"port {server.port} of 127.0.0.1 is in use.*--web PORT"):
        PageServer(Access.for_host("127.0.0.1"), server.port)


def test_it_ends_with_pages_open():
    server = PageServer(Access.for_host("127.0.0.1"), 0)
    with browser(server) as page:
        wait(lambda: server.pages)
        server.close()
        with pytest.raises(ConnectionClosed):
            page.recv(PATIENCE_S)
    server.send_frame(b"late")  # does nothing, and does not fail
