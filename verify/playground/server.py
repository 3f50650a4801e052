"""The server of the page: bound to this computer, for one token, with limits on size and time.

A page of somebody else cannot ask it anything: its requests carry another origin, no token, and, where a name was made
to point at this computer, another host.
"""

from __future__ import annotations

import json
import secrets
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

from derive.targets.templates import environment
from verify.playground.workers import Workers

LARGEST = 64 * 1024
"""Bytes of a request."""
SECONDS = 10
"""For a client to send what it has to say."""
ADDRESS = "127.0.0.1"
HEADER = "X-Playground-Token"
KINDS = {"playground.js": "text/javascript", "playground.css": "text/css"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Playground(ThreadingHTTPServer):
    """The page on a port of this computer; 0 takes a free one. `limit`: seconds for an answer."""

    daemon_threads = True

    def __init__(self, port: int = 0, limit: float = 20.0, preload: str = "verify.playground.warm") -> None:
        self.token = secrets.token_urlsafe(24)
        self.workers = Workers(limit, preload=preload)
        self.workers.warm()
        super().__init__((ADDRESS, port), _Handler)

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may call this server."""
        return tuple(f"{name}:{self.server_port}" for name in (ADDRESS, "localhost"))

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_port}/?token={self.token}"


class _Handler(BaseHTTPRequestHandler):
    server: Playground
    timeout = SECONDS
    server_version = "backproof"
    sys_version = ""

    def do_GET(self) -> None:
        """The page, for those who have the token, and what it is made of."""
        where = urlsplit(self.path)
        if not self._from_here():
            return
        if where.path == "/":
            token = parse_qs(where.query).get("token", [""])[0]
            if self._knows(token):
                self._send(200, "text/html", _page())
        elif (name := where.path.removeprefix("/")) in KINDS:
            self._send(200, KINDS[name], _part(name))
        else:
            self._refuse(404, "there is no such page")

    def do_POST(self) -> None:
        """A question of the page."""
        from verify.playground.answers import ACTIONS  # not before the page was asked for something

        action = urlsplit(self.path).path.removeprefix("/ask/")
        if not self._from_here() or not self._knows(self.headers.get(HEADER, "")):
            return
        if action not in ACTIONS or not self.path.startswith("/ask/"):
            self._refuse(404, "nobody answers that")
            return
        asked = self._asked()
        if asked is not None:
            status, answer = self.server.workers.answer(action, asked)
            self._send(status, "application/json", json.dumps(answer, ensure_ascii=False))

    def _from_here(self) -> bool:
        """Whether the request is one of this page: refused otherwise."""
        origin = self.headers.get("Origin")
        own = origin is None or origin in tuple(f"http://{host}" for host in self.server.hosts)
        site = self.headers.get("Sec-Fetch-Site", "none")
        if self.headers.get("Host") in self.server.hosts and own and site in ("none", "same-origin"):
            return True
        self._refuse(403, "this server answers its own page only")
        return False

    def _knows(self, token: str) -> bool:
        if secrets.compare_digest(token.encode(), self.server.token.encode()):
            return True
        self._refuse(403, "open the address that `backproof serve` has printed: it holds the token")
        return False

    def _asked(self) -> dict[str, str] | None:
        """The question, or None where it was refused."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Content-Type") != "application/json" or "Transfer-Encoding" in self.headers:
            self._refuse(415, "a question is JSON of a known length")
        elif not length.isascii() or not length.isdigit() or len(length) > 9:
            self._refuse(411, "how long is it?")
        elif int(length) > LARGEST:
            self._refuse(413, f"at most {LARGEST} bytes")
        else:
            try:
                asked = json.loads(self.rfile.read(int(length)))
            except TimeoutError:
                self._refuse(408, "it did not arrive in time")
                return None
            except (ValueError, RecursionError):
                asked = None
            if isinstance(asked, dict) and all(isinstance(value, str) for value in asked.values()):
                return asked
            self._refuse(400, "a question is an object of strings")
        return None

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True
        self._send(status, "application/json", json.dumps({"error": why, "hint": ""}))

    def _send(self, status: int, kind: str, body: str) -> None:
        data = body.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the address holds the token."""


@cache
def _part(name: str) -> str:
    return files("verify.playground").joinpath("page", name).read_text(encoding="utf-8")


@cache
def _page() -> str:
    from derive import catalogue
    from verify.playground.answers import CODE

    names = [*catalogue.names("cells"), *catalogue.names("heads")]
    return (
        environment("verify.playground", "page")
        .get_template("index.html.jinja")
        .render(cells=names, targets=CODE, header=HEADER)
    )
