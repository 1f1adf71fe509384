"""The HTTP executor against a real server on this machine."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.egress.addresses import Address
from adapters.egress.client import GuardedBackend, open_client
from adapters.egress.exchange import EXCERPT
from adapters.egress.executors import HttpExecutor
from adapters.egress.guard import EgressGuard
from adapters.settings_values import targets
from application.executor import Attempt, Failed, Succeeded
from domain.actions import HttpTarget

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Listens on loopback, keeps what came, and answers what the test says."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.answer: bytes = OK
        self.hold = asyncio.Event()
        self.hold.set()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                length = [line for line in head.lower().split("\r\n") if "content-length" in line]
                size = int(length[0].partition(":")[2]) if length else 0
                self.bodies.append(await reader.readexactly(size))
                await self.hold.wait()
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def header(self, name: str) -> list[str]:
        lines = self.heads[-1].split("\r\n")[1:]
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(name + ":")]


@asynccontextmanager
async def listening(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with listening() as one:
        yield one


async def to_loopback(host: str, _port: int) -> Sequence[Address]:
    return [ip_address("127.0.0.1" if host.endswith(".test") else host)]


@asynccontextmanager
async def executing(allow: str = "127.0.0.0/8", **options: Any) -> AsyncIterator[HttpExecutor]:
    guard = EgressGuard(targets(allow) if allow else (), resolve=to_loopback, **options)
    async with open_client(guard) as client:
        yield HttpExecutor(client, now=lambda: NOW)
    guard.aclose()


@pytest.fixture
async def execute() -> AsyncIterator[HttpExecutor]:
    async with executing() as executor:
        yield executor


def attempt(url: str, *, number: int = 1, **changes: Any) -> Attempt:
    headers = changes.pop("headers", {})
    return Attempt(
        job="job-1",
        action="greet",
        tenant="default",
        number=number,
        target=HttpTarget(url=url, **changes),
        headers=headers,
        input={"name": "Ada"},
    )


async def test_the_input_is_sent_as_json_under_a_constant_key(
    server: Server, execute: HttpExecutor
) -> None:
    url = f"http://target.test:{server.port}/hook?x=1"
    assert await execute(attempt(url)) == Succeeded(status=200, excerpt="ok")
    await execute(attempt(url, number=2))
    assert server.bodies == [b'{"name":"Ada"}'] * 2
    assert server.heads[0].startswith("POST /hook?x=1 HTTP/1.1")
    assert server.header("host") == [f"target.test:{server.port}"]
    assert server.header("content-type") == ["application/json"]
    assert server.header("idempotency-key") == ["job-1"]
    assert server.header("annals-attempt") == ["2"]


async def test_a_get_carries_no_body(server: Server, execute: HttpExecutor) -> None:
    await execute(attempt(f"http://127.0.0.1:{server.port}/", method="GET"))
    assert server.heads[0].startswith("GET /")
    assert server.bodies == [b""]


async def test_the_actions_headers_are_sent_but_not_those_that_are_ours(
    server: Server, execute: HttpExecutor
) -> None:
    headers = {
        "Authorization": "Bearer x",
        "Host": "other.test",
        "Content-Length": "1",
        "Transfer-Encoding": "chunked",
        "Idempotency-Key": "forged",
        "Annals-Attempt": "9",
    }
    await execute(attempt(f"http://127.0.0.1:{server.port}/", headers=headers))
    assert server.header("authorization") == ["Bearer x"]
    assert server.header("host") == [f"127.0.0.1:{server.port}"]
    assert server.header("content-length") == ["14"]
    assert server.header("transfer-encoding") == []
    assert server.header("idempotency-key") == ["job-1"]
    assert server.header("annals-attempt") == ["1"]


@pytest.mark.parametrize("status", [400, 401, 404, 408, 409, 425, 429, 500, 503])
async def test_every_failing_status_is_tried_again(
    server: Server, execute: HttpExecutor, status: int
) -> None:
    server.answer = f"HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n".encode()
    failed = await execute(attempt(f"http://127.0.0.1:{server.port}/"))
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.status, failed.retryable) == ("status", status, True)


async def test_gone_is_for_good(server: Server, execute: HttpExecutor) -> None:
    server.answer = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
    failed = await execute(attempt(f"http://127.0.0.1:{server.port}/"))
    assert isinstance(failed, Failed)
    assert not failed.retryable


async def test_a_redirect_is_not_followed(server: Server, execute: HttpExecutor) -> None:
    server.answer = (
        f"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:{server.port}/else\r\n"
        "content-length: 0\r\n\r\n"
    ).encode()
    failed = await execute(attempt(f"http://127.0.0.1:{server.port}/"))
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.status) == ("status", 307)
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ((NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 90.0),
        ("Mon, 01 Jan 2024 00:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("9" * 40, 0.0),
    ],
)
async def test_retry_after_is_heard(
    server: Server, execute: HttpExecutor, value: str, seconds: float
) -> None:
    server.answer = (
        f"HTTP/1.1 503 No\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n"
    ).encode()
    failed = await execute(attempt(f"http://127.0.0.1:{server.port}/"))
    assert isinstance(failed, Failed)
    assert failed.not_before == seconds


async def test_a_private_target_is_refused_without_a_connection(server: Server) -> None:
    async with executing(allow="") as execute:
        failed = await execute(attempt(f"http://inside.test:{server.port}/"))
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.retryable) == ("refused", False)
    assert server.heads == []


async def test_an_own_server_is_refused_although_its_network_is_allowed(server: Server) -> None:
    async with executing(own=[("127.0.0.1", server.port)]) as execute:
        for host in ("127.0.0.1", "localhost.test", "127.0.0.9", "0.0.0.0"):
            failed = await execute(attempt(f"http://{host}:{server.port}/"))
            assert isinstance(failed, Failed)
            assert failed.kind == "refused"
    assert server.heads == []


async def test_the_environments_proxy_is_not_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with executing() as execute:
        answer = await execute(attempt(f"http://target.test:{server.port}/"))
    assert isinstance(answer, Succeeded)


async def test_a_target_that_does_not_answer_is_given_up(
    server: Server, execute: HttpExecutor
) -> None:
    server.hold.clear()
    failed = await execute(attempt(f"http://127.0.0.1:{server.port}/", timeout=0.05))
    server.hold.set()
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.retryable) == ("timeout", True)


async def test_a_name_server_that_hangs_counts_against_the_timeout() -> None:
    async def hang(_host: str, _port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        raise AssertionError

    async with open_client(EgressGuard(resolve=hang)) as client:
        execute = HttpExecutor(client, now=lambda: NOW)
        failed = await execute(attempt("http://slow.test/", timeout=0.05))
    assert isinstance(failed, Failed)
    assert failed.kind == "timeout"


async def test_a_port_where_nobody_listens_is_a_failed_connection(execute: HttpExecutor) -> None:
    async with listening() as gone:
        port = gone.port
    failed = await execute(attempt(f"http://127.0.0.1:{port}/"))
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.retryable) == ("connect", True)


async def test_a_connection_that_breaks_is_a_failed_connection(
    server: Server, execute: HttpExecutor
) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nshort"
    waiting = asyncio.create_task(execute(attempt(f"http://127.0.0.1:{server.port}/", timeout=5)))
    server.answer = b"garbage\r\n\r\n"
    failed = await waiting
    assert isinstance(failed, Failed)
    assert failed.kind == "connect"


async def test_an_endless_answer_is_read_to_its_bound_only(execute: HttpExecutor) -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                sent += 4096
                await writer.drain()
        except ConnectionError:
            writer.close()

    listener = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    answer = await execute(attempt(f"http://127.0.0.1:{port}/"))
    listener.close()
    assert answer == Succeeded(status=200, excerpt="x" * EXCERPT)
    assert sent < 64 * 1024 * 1024


async def test_an_excerpt_holds_nothing_that_the_log_refuses(
    server: Server, execute: HttpExecutor
) -> None:
    body = b"a\x00b\xff\x1b[31m\xed\xa0\x80\n"
    server.answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    answer = await execute(attempt(f"http://127.0.0.1:{server.port}/"))
    assert isinstance(answer, Succeeded)
    assert answer.excerpt is not None
    assert answer.excerpt.startswith("a\ufffdb\ufffd\ufffd[31m")
    assert not set(answer.excerpt) & {"\x00", "\x1b"}
    answer.excerpt.encode()


async def test_cookies_of_one_answer_are_not_sent_with_the_next_call(
    server: Server, execute: HttpExecutor
) -> None:
    server.answer = OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b; Path=/\r\n\r\n")
    for _ in range(2):
        await execute(attempt(f"http://target.test:{server.port}/"))
    assert server.header("cookie") == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http:///x", "//127.0.0.1/",
        "http://user:pass@127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/", "http://[::1", "gopher://x/", "http://exa mple/", "",
    ],
)  # fmt: skip
async def test_a_url_that_cannot_be_called_is_refused_for_good(
    execute: HttpExecutor, url: str
) -> None:
    failed = await execute(attempt(url))
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.retryable) == ("invalid", False)
    assert "pass@" not in failed.detail


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nX-Evil: 1"}, {"X-A\r\nX-Evil": "1"}, {"X A": "1"}, {"X-A": "\x00"}]
)
async def test_a_header_cannot_smuggle_another(
    server: Server, execute: HttpExecutor, headers: dict[str, str]
) -> None:
    failed = await execute(attempt(f"http://127.0.0.1:{server.port}/", headers=headers))
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.retryable) == ("invalid", False)
    assert server.heads == []


async def test_the_next_address_is_tried_when_the_first_does_not_answer(server: Server) -> None:
    async def two(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.2"), ip_address("127.0.0.1")]

    guard = EgressGuard(targets("127.0.0.0/8"), resolve=two)
    async with open_client(guard) as client:
        execute = HttpExecutor(client, now=lambda: NOW)
        answer = await execute(attempt(f"http://two.test:{server.port}/"))
    assert isinstance(answer, Succeeded)


async def test_no_unix_socket_is_ever_called(tmp_path: Path) -> None:
    with pytest.raises(httpcore.ConnectError):
        await GuardedBackend(EgressGuard()).connect_unix_socket(str(tmp_path / "docker.sock"))


def certificate(directory: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_tls_names_the_host_although_the_address_was_chosen_here(tmp_path: Path) -> None:
    path = certificate(tmp_path, "target.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(path))
    guard = EgressGuard(targets("127.0.0.0/8"), resolve=to_loopback)
    async with (
        listening(context) as server,
        httpcore.AsyncConnectionPool(
            ssl_context=trusting, network_backend=GuardedBackend(guard)
        ) as pool,
    ):
        answer = await pool.request("GET", f"https://target.test:{server.port}/")
        assert answer.status == 200
        with pytest.raises(httpcore.ConnectError):
            await pool.request("GET", f"https://other.test:{server.port}/")
    assert asked == ["target.test", "other.test"]


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    tmp_path: Path, execute: HttpExecutor
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "target.test"))
    async with listening(context) as server:
        failed = await execute(attempt(f"https://target.test:{server.port}/"))
    assert isinstance(failed, Failed)
    assert failed.kind == "connect"
    assert server.heads == []


def test_the_client_has_no_way_around_the_guard() -> None:
    guard = EgressGuard()
    client = open_client(guard)
    assert not client.follow_redirects
    assert not client._mounts
    pool = client._transport._pool  # type: ignore[attr-defined]
    assert isinstance(pool._network_backend, GuardedBackend)
    assert isinstance(client, httpx.AsyncClient)
