"""Who may open the page and steer: decided from the address it was asked for, its origin, and a token."""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

LOOPBACK_NAMES = ("localhost", "ip6-localhost")


@dataclass(frozen=True, kw_only=True)
class Access:
    """The rule of one server.

    Attributes:
        host: address that is listened on.
        token: what a page must know that is opened by another name than localhost; "" when nobody may.
    """

    host: str
    token: str = ""

    @classmethod
    def for_host(cls, host: str, token: str = "") -> "Access":
        """The rule for an address; beyond this machine there is always a token, made up where none is given."""
        return cls(host=host, token=token or ("" if is_loopback(host) else secrets.token_urlsafe(12)))

    def refusal(self, host: str, origin: str, path: str) -> str:
        """Why a request is refused, or "".

        A page of another site can make a browser send requests here, under a name of that site's choosing too; so both
        the name that was asked for and the site that asked must be this machine's, or the token must be right.

        Args:
            host: header Host of the request.
            origin: header Origin; "" where there is none, as with a plain page.
            path: path with its query, which may hold `token=...`.
        """
        given = parse_qs(urlsplit(path).query).get("token", [""])[0]
        if self.token and hmac.compare_digest(given.encode(), self.token.encode()):
            return ""
        if not is_loopback(self.host):
            return "this page asks for its token: open the address that was printed at the start, with ?token=..."
        if not is_loopback(_name(host)):
            return f"asked for under the name '{_name(host)[:60]}', expected localhost; start it with a token to reach it by another name"
        if origin and urlsplit(origin).netloc != host:
            return f"asked by another site ('{origin[:60]}'); only the page itself may connect"
        return ""


def is_loopback(name: str) -> bool:
    """True for localhost and for addresses that never leave this machine."""
    if name in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """Host name of a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
