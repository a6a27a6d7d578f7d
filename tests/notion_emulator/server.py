"""The emulator on a socket of this machine: `with serving(emulator) as url: ...`."""

import gzip
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from tests.notion_emulator.app import Emulator
from tests.notion_emulator.wire import Delivery, Request, Response

HOST = "127.0.0.1"
SMALL_BYTES = 1_000
"""Bodies below are not worth packing (assumed: recorded answers are packed by a proxy)."""


class Server(ThreadingHTTPServer):
    """Answers on loopback alone, each connection in a thread of its own, one request at a time in all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, emulator: Emulator, port: int = 0):
        self.emulator = emulator
        self.stopping = threading.Event()
        super().__init__((HOST, port), Handler)

    @property
    def url(self) -> str:
        """What a client takes as base url; paths begin with /v1."""
        return f"http://{HOST}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server; all else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def answer(self) -> None:
        """Reads a request, answers it, and breaks the connection where the answer says so."""
        request = self._read()
        if request is None:
            return
        response = self.server.emulator.handle(request)
        if response.delivery is Delivery.DROP or not self._waited(response):
            self._hang_up()
            return
        self._write(response)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the emulator has a log of its own."""

    def _read(self) -> Request | None:
        path, _, query = self.path.partition("?")
        try:
            body = self._body()
        except ValueError:
            self.send_error(400)
            return None
        return Request(
            method=self.command,
            path=path,
            query=parse_qsl(query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size_bytes := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size_bytes)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _waited(self, response: Response) -> bool:
        """Waits as long as the answer says; False when it never comes."""
        if response.delivery is not Delivery.HANG:
            return True
        self.server.stopping.wait(response.seconds)
        return response.seconds is not None and not self.server.stopping.is_set()

    def _write(self, response: Response) -> None:
        whole = response.delivery in (Delivery.WHOLE, Delivery.HANG)
        headers, body = self._packed(response) if whole else (response.headers, response.body)
        head = f"HTTP/1.1 {response.status} {responses.get(response.status, 'Unknown')}\r\n"
        lines = [
            f"{name}: {value}\r\n" for name, value in (headers | {"content-length": str(len(body))}).items()
        ]
        start = "".join([head, *lines, "\r\n"]).encode("latin-1")
        if whole:
            self.wfile.write(start if self.command == "HEAD" else start + body)
        elif response.delivery is Delivery.CUT:
            self.wfile.write(start + body[: len(body) // 2])
            self._hang_up()
        else:
            self.wfile.write(start)
            self._drip(body, response.seconds or 1.0)

    def _packed(self, response: Response) -> tuple[dict[str, str], bytes]:
        """Answers are packed for clients that take it (observed: recorded)."""
        accepts = "gzip" in self.headers.get("accept-encoding", "")
        if not accepts or len(response.body) < SMALL_BYTES or "content-encoding" in response.headers:
            return response.headers, response.body
        return response.headers | {"content-encoding": "gzip"}, gzip.compress(response.body, 1)

    def _drip(self, body: bytes, byte_s: float) -> None:
        for byte in body:
            if self.server.stopping.wait(byte_s):
                self._hang_up()
                return
            self.wfile.write(bytes([byte]))

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(emulator: Emulator, port: int = 0) -> Iterator[str]:
    """The url of a server that stops at the end of the block."""
    server = Server(emulator, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
