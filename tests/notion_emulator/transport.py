"""httpx without a socket: `httpx.Client(transport=InProcess(emulator))`."""

import threading
from collections.abc import Iterator
from urllib.parse import parse_qsl

import httpx

from tests.notion_emulator.app import Emulator
from tests.notion_emulator.clock import Clock
from tests.notion_emulator.wire import Delivery, Request, Response

FOR_EVER_S = 3600.0
"""How long a client without a timeout waits for an answer that never comes, before the test is told so."""


class InProcess(httpx.BaseTransport):
    """Carries requests to an emulator; raises what a broken connection would, and lets its clock pass.

    `latency_s`: what every request takes. `dropped`: the error of a connection that ends without an answer.
    """

    def __init__(
        self,
        emulator: Emulator,
        *,
        latency_s: float = 0.0,
        dropped: type[httpx.TransportError] = httpx.RemoteProtocolError,
    ):
        self.emulator = emulator
        self.latency_s = latency_s
        self.dropped = dropped
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        with self._lock:
            self.emulator.clock.sleep(self.latency_s)
            return self._delivered(request, self.emulator.handle(read(request)))

    def _delivered(self, request: httpx.Request, answer: Response) -> httpx.Response:
        clock, timeout_s = self.emulator.clock, read_timeout_s(request)
        if answer.delivery is Delivery.DROP:
            raise self.dropped("Server disconnected without sending a response.", request=request)
        if answer.delivery is Delivery.HANG:
            wait_s = FOR_EVER_S if answer.seconds is None else answer.seconds
            clock.sleep(min(wait_s, timeout_s))
            if answer.seconds is None or wait_s >= timeout_s:
                raise httpx.ReadTimeout("The read operation timed out", request=request)
        headers = answer.headers | {"content-length": str(len(answer.body))}
        stream: httpx.SyncByteStream = httpx.ByteStream(answer.body)
        if answer.delivery is Delivery.CUT:
            stream = Cut(answer.body)
        elif answer.delivery is Delivery.DRIP:
            stream = Drip(answer, clock, timeout_s)
        return httpx.Response(answer.status, headers=headers, stream=stream, request=request)


class Cut(httpx.SyncByteStream):
    """Half of a body, then the end of the connection."""

    def __init__(self, body: bytes):
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        half = len(self.body) // 2
        yield self.body[:half]
        raise httpx.RemoteProtocolError(
            f"peer closed connection without sending complete message body (received {half} bytes, expected"
            f" {len(self.body)})"
        )


class Drip(httpx.SyncByteStream):
    """A body, one byte at a time."""

    def __init__(self, answer: Response, clock: Clock, timeout_s: float):
        self.answer = answer
        self.clock = clock
        self.timeout_s = timeout_s

    def __iter__(self) -> Iterator[bytes]:
        byte_s = self.answer.seconds or 1.0
        for byte in self.answer.body:
            self.clock.sleep(min(byte_s, self.timeout_s))
            if byte_s >= self.timeout_s:
                raise httpx.ReadTimeout("The read operation timed out")
            yield bytes([byte])


def read(request: httpx.Request) -> Request:
    """A request of httpx as it would go over the wire."""
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    return Request(
        method=request.method,
        path=path,
        query=parse_qsl(query, keep_blank_values=True),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.content,
    )


def read_timeout_s(request: httpx.Request) -> float:
    """The client's read timeout."""
    timeout_s = request.extensions.get("timeout", {}).get("read")
    return FOR_EVER_S if timeout_s is None else float(timeout_s)
