"""Who may open the page."""

import pytest

from kinesis_sim.viewer.access import Access, is_loopback

HERE = Access.for_host("127.0.0.1")


@pytest.mark.parametrize("name, expected", [("localhost", True), ("127.0.0.1", True), ("127.3.4.5", True), ("::1", True), ("0.0.0.0", False), ("robot", False)])
def test_loopback(name, expected):
    assert is_loopback(name) is expected


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_the_page_itself_is_let_in(host):
    assert HERE.refusal(host, "", "/") == ""
    assert HERE.refusal(host, f"http://{host}", "/socket") == ""


@pytest.mark.parametrize(
    "host, origin",
    [
        ("localhost:8080", "http://evil.example"),
        ("localhost:8080", "http://localhost:9999"),  # another page of this machine
        ("localhost:8080", "null"),
        ("evil.example:8080", "http://evil.example:8080"),  # a name of another site's that leads here
        ("evil.example:8080", ""),
        ("", ""),
        ("[broken", ""),
    ],
)
def test_another_site_is_refused(host, origin):
    assert HERE.refusal(host, origin, "/socket")


def test_beyond_this_machine_a_token_is_asked_for_and_enough():
    access = Access.for_host("0.0.0.0")
    assert len(access.token) >= 12
    assert access.refusal("robot:8080", "http://robot:8080", "/socket")
    assert access.refusal("robot:8080", "http://robot:8080", "/socket?token=wrong")
    assert access.refusal("localhost:8080", "http://localhost:8080", "/socket?token=ä")
    assert access.refusal("robot:8080", "http://elsewhere", f"/socket?token={access.token}") == ""


def test_no_token_is_made_up_for_this_machine_and_an_empty_one_opens_nothing():
    assert HERE.token == ""
    assert HERE.refusal("evil.example", "", "/socket?token=")
