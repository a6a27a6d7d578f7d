"""The way to the service and back: the network as httpx knows it; answers whole, bounded and in time."""

import ipaddress
import queue
import threading
from functools import cached_property
from typing import Any

import httpx

from schemas.errors import BadSettings
from sync.notion import answers
from sync.notion.answers import BadAnswer
from sync.notion.gate import Clock

MAX_BODY_BYTES = 64 * 2**20
"""Of a decoded body. A query page of 100 full rows takes less than one of these 64."""
WALL_S = 120.0
"""For one request in all. The service gives up after 60 s; httpx's own limits are per read, so that an answer
of one byte a second would never end."""
ENCODINGS = ("", "identity", "gzip")
"""Others pack so tightly that one piece off the network could fill the memory."""
KEPT = ("content-type", "retry-after", "date", "cf-ray", "x-notion-request-id")
"""Headers that mean something here. No cookies, and no Location: redirects are not followed."""


def is_loopback(host: str) -> bool:
    """Whether this host is the machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Network(httpx.BaseTransport):
    """Proxies and certificates from the environment, as users of httpx know them.

    Plain http goes to this machine only and never by way of a proxy, which would see the token.
    """

    @cached_property
    def _outward(self) -> httpx.Client:
        try:
            return httpx.Client()
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            named = type(error).__name__  # its text may quote a proxy's password
        raise BadSettings(
            f"Notion: the proxy or certificate settings of this machine cannot be used ({named})",
            where="HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE, SSL_CERT_DIR",
            fix="mend or unset them; a SOCKS proxy needs: pip install 'httpx[socks]'",
            wrote="nothing",
        )

    @cached_property
    def _inward(self) -> httpx.HTTPTransport:
        return httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return self._outward.send(request, stream=True)
        if not is_loopback(request.url.host):
            raise AssertionError(f"plain http to {request.url.host}")
        return self._inward.handle_request(request)

    def close(self) -> None:
        for name in ("_outward", "_inward"):
            if name in self.__dict__:
                self.__dict__[name].close()


class WholeAnswer(httpx.Response):
    """A response that was read to its end. `json()` is strict and raises BadAnswer."""

    def __init__(self, status_code: int, headers: httpx.Headers, content: bytes):
        kept = [(name, value) for name, value in headers.raw if name.decode("latin-1").lower() in KEPT]
        super().__init__(status_code, headers=kept, content=content)
        self.encoding = "utf-8"  # not the one it names, which may be any codec of Python

    def json(self, **_: Any) -> Any:
        what = answers.described(self.status_code, self.headers)
        if not answers.is_json(self.headers):
            raise BadAnswer(f"{what}: not JSON")
        try:
            return answers.loads(self.content)
        except BadAnswer as error:
            reason = str(error)
        raise BadAnswer(f"{what}: {reason}")


class Whole(httpx.BaseTransport):
    """Reads every answer to its end within `MAX_BODY_BYTES` and `WALL_S`, else raises what httpx would."""

    def __init__(self, inner: httpx.BaseTransport, clock: Clock):
        self._inner = inner
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """In a thread of its own: looking up a name and the head of an answer have no limit in httpx."""
        came: queue.SimpleQueue[httpx.Response | BaseException] = queue.SimpleQueue()
        threading.Thread(
            target=self._answer, args=(request, came), name="notion request", daemon=True
        ).start()
        try:
            answer = came.get(timeout=WALL_S)
        except queue.Empty:
            answer = _too_slow()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _answer(
        self, request: httpx.Request, came: "queue.SimpleQueue[httpx.Response | BaseException]"
    ) -> None:
        try:
            came.put(self._read(request))
        except BaseException as error:  # raised again by the thread that waits for it
            came.put(error)

    def _read(self, request: httpx.Request) -> httpx.Response:
        until_s = self._clock.monotonic() + WALL_S
        response = self._inner.handle_request(request)
        try:
            return WholeAnswer(response.status_code, response.headers, self._body(response, until_s))
        except ValueError as error:  # the request was sent: nothing after it may count as "never sent"
            raise httpx.DecodingError(f"an answer that cannot be read: {type(error).__name__}") from None
        finally:
            response.close()

    def _body(self, response: httpx.Response, until_s: float) -> bytes:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ENCODINGS:
            raise httpx.DecodingError(f"an answer in {answers.shown(encoding)}, which was not asked for")
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise httpx.DecodingError(f"an answer of more than {MAX_BODY_BYTES // 2**20} MiB")
            if self._clock.monotonic() > until_s:
                raise _too_slow()
        return bytes(body)

    def close(self) -> None:
        self._inner.close()


def _too_slow() -> httpx.ReadTimeout:
    return httpx.ReadTimeout(f"no whole answer within {WALL_S:.0f} s")
