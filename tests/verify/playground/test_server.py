"""The playground: only its own page is answered, within limits; what is typed is read and never run."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from verify.playground.answers import answer, cell_of
from verify.playground.server import HEADER, LARGEST, Playground
from verify.playground.workers import Workers

HOSTILE = "<img src=x onerror=alert(1)>"
TRUE = r"\frac{\partial J}{\partial c_t} = \frac{\partial J}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"


@pytest.fixture(scope="module")
def server() -> Iterator[Playground]:
    with Playground() as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def sent(server: Playground, method: str, path: str, body: str = "", **headers: str | None) -> tuple[int, str, Any]:
    """Status, body and headers; a header of None is left out."""
    known: dict[str, str | None] = {
        "Host": f"127.0.0.1:{server.server_port}",
        HEADER: server.token,
        "Content-Type": "application/json",
        "Content-Length": str(len(body.encode())),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in known.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body.encode() or None)
    response = connection.getresponse()
    found = response.status, response.read().decode(), response.headers
    connection.close()
    return found


def asked(server: Playground, action: str, **question: str) -> Any:
    status, body, _ = sent(server, "POST", f"/ask/{action}", json.dumps(question))
    assert status == 200
    return json.loads(body)


def test_the_page_is_for_those_who_have_the_token(server: Playground) -> None:
    assert server.server_address[0] == "127.0.0.1"
    where = urlsplit(server.url)
    status, body, headers = sent(server, "GET", f"/?{where.query}")
    assert status == 200
    assert "<textarea" in body
    assert "unsafe-inline" not in headers["Content-Security-Policy"].partition("style-src")[0]
    assert headers["Cache-Control"] == "no-store"
    for path in ("/", "/?token=", "/?token=guess", "/?token=ü"):
        assert sent(server, "GET", path.replace("ü", "%C3%BC"))[0] == 403


@pytest.mark.parametrize("path", ["/playground.js", "/playground.css"])
def test_what_the_page_is_made_of(server: Playground, path: str) -> None:
    status, body, headers = sent(server, "GET", path)
    assert status == 200
    assert body
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/nothing", "/../server.py", "/page/index.html.jinja", "/playground.js/../x"])
def test_nothing_else_is_there(server: Playground, path: str) -> None:
    assert sent(server, "GET", path)[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({HEADER: "guess"}, 403),
        ({HEADER: None}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": None}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Transfer-Encoding": "chunked"}, 415),
        ({"Content-Length": None}, 411),
        ({"Content-Length": "-5"}, 411),
        ({"Content-Length": str(LARGEST + 1)}, 413),
        ({"Content-Length": "9" * 30}, 411),
    ],
)
def test_requests_of_others_are_refused(server: Playground, headers: dict[str, str | None], status: int) -> None:
    assert sent(server, "POST", "/ask/typeset", '{"text": "x"}', **headers)[0] == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_not_known(server: Playground, method: str) -> None:
    assert sent(server, method, "/")[0] == 501


@pytest.mark.parametrize("body", ["", "[", "[]", '{"text": 5}', '{"text": ["x"]}', "[" * 20_000])
def test_questions_are_objects_of_strings(server: Playground, body: str) -> None:
    assert sent(server, "POST", "/ask/typeset", body)[0] == 400


def test_questions_that_nobody_answers(server: Playground) -> None:
    assert sent(server, "POST", "/ask/__import__", "{}")[0] == 404
    assert sent(server, "POST", "/check", "{}")[0] == 404


def test_a_client_that_sends_nothing_is_not_waited_for(server: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.RequestHandlerClass, "timeout", 0.1)
    head = f"POST /ask/typeset HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n{HEADER}: {server.token}\r\n"
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as slow:
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{{".encode())
        assert b" 408 " in slow.recv(1000)


def test_an_answer_that_takes_too_long_is_stopped() -> None:
    status, told = Workers(limit=0.001).answer("check", {"cell": "lstm", "formula": TRUE})
    assert status == 504
    assert "stopped" in told["error"]


def test_a_fault_of_the_program_is_told_as_one() -> None:
    status, told = Workers(limit=60).answer("no such action", {})
    assert status == 500
    assert "a fault of backproof" in told["error"]


def test_a_formula_is_checked_and_what_is_missing_stands_out(server: Playground) -> None:
    found = asked(server, "check", cell="lstm", formula=TRUE)
    assert found["claims"][0]["verdict"] == "wrong"
    assert found["claims"][0]["mistakes"][0]["name"] == "missing term"
    assert found["html"].count('class="marked"') == 1  # in the true formula, not in the list of mistakes


def test_what_is_too_much_stands_out_in_the_author_s_formula() -> None:
    formula = r"\frac{\partial J}{\partial o_t} = \frac{\partial J}{\partial h_t} \odot \tanh(c_t) + U_o^\top h_t"
    html = answer("check", {"cell": "lstm", "formula": formula})["html"]
    assert 'class="marked"' in html.partition("<dl>")[0]


@pytest.mark.parametrize(
    "equations", ["h_t = \\tanh(W x_t + U h_{t-1})", "# Mine\n\n$$h_t = \\tanh(W x_t + U h_{t-1})$$"]
)
def test_equations_of_one_s_own(equations: str) -> None:
    read = answer("read", {"equations": equations})
    assert read["reading"]["output"] == "h"
    assert "def backward" in answer("code", {"equations": equations})["code"]
    assert "gradients of one step" in answer("draw", {"equations": equations})["html"]
    assert answer("derive", {"equations": equations})["html"].count("<details") > 4


def test_declarations_stand_among_the_equations() -> None:
    text = "y_t = V h_t\nh_t = \\tanh(W x_t + U h_{t-1})\noutput: h_t\nwhere $x_t \\in \\mathbb{R}^{N}$"
    read = answer("read", {"equations": text})["reading"]
    assert read["output"] == "h"
    assert read["inputs"][0]["shape"] == ["N", "1"]


def test_guesses_are_shown() -> None:
    read = answer("read", {"equations": "h_t = \\tanh(W x_t + U h_{t-1} + b) * s_t"})
    told = read.get("reading", {}).get("guesses", [])
    assert bool(told) == ("Guesses" in read.get("html", ""))


def test_errors_have_a_place() -> None:
    told = answer("read", {"equations": "h_t = \\tanh(W x_t\n"})
    assert told["error"]
    assert told["place"]["line"] == 1


def test_no_file_is_opened(tmp_path: Any) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n\n$$h_t = \\tanh(x_t)$$\n", encoding="utf-8")
    for name in (str(tmp_path / "secret.md"), "../cells/lstm", "/etc/passwd"):
        assert "no cell is called" in answer("read", {"cell": name})["error"]
    assert "error" in answer("read", {"equations": str(tmp_path / "secret.md")})


@pytest.mark.parametrize("action", ["typeset", "read", "check", "derive", "draw"])
def test_what_is_typed_is_data(action: str) -> None:
    text = f"# {HOSTILE}\n\nSource: {HOSTILE}\n\n$$h_t = \\tanh(W x_t + U h_{{t-1}})$$\n"
    for formula in (HOSTILE, "\\href{javascript:alert(1)}{x} = y", "<script>alert(1)</script> = h_t"):
        found = answer(action, {"equations": text, "text": f"{text}{formula}", "formula": formula, "assume": ""})
        html = found.get("html", "")
        assert "<img" not in html
        assert "<script" not in html
        assert "href=" not in html


def test_serve_says_what_is_in_its_way(server: Playground) -> None:
    result = CliRunner().invoke(main, ["serve", "--port", str(server.server_port)])
    assert result.exit_code == 2
    assert "cannot listen" in result.output


@pytest.mark.parametrize("name", ["lstm", "lmu", "rnn_caption_first", "rnn_layer_norm", "rnn_general"])
def test_equations_of_the_catalogue_can_be_changed_where_they_stand(name: str) -> None:
    typed = answer("cell", {"cell": name})["equations"]
    assert cell_of({"equations": typed}).equations == cell_of({"cell": name}).equations
