"""Outcomes whose answer is nothing to trust. The request is carried out unless said otherwise."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.notion_emulator.faults import Outcome
from tests.notion_emulator.wire import Response

HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


def html(status: int = 200, text: str = "Please wait", *, commits: bool = True) -> Outcome:
    """A web page in place of the answer, as a proxy makes them: of status 200, or 502."""
    page = HTML % (text.encode(), text.encode())
    answer = Response(status, {"content-type": "text/html; charset=utf-8"}, page)
    return Outcome(
        f"html {status}", lambda emulator, true_answer, now: answer, commits=commits, is_spoiled=True
    )


def cloudflare_403() -> Outcome:
    """The proxy before Notion refuses: HTML, `cf-ray`, no request id; nothing is carried out (assumed)."""
    headers = {
        "content-type": "text/html; charset=UTF-8",
        "cf-ray": "8f0123456789abcd-TXL",
        "server": "cloudflare",
    }
    page = HTML % (b"Attention Required! | Cloudflare", b"Sorry, you have been blocked")
    answer = Response(403, headers, page)
    return Outcome("cloudflare 403", lambda emulator, true_answer, now: answer, is_spoiled=True)


def wrong_content_type(content_type: str = "text/plain") -> Outcome:
    """The true answer under another name."""
    named = {"content-type": content_type}
    return _changed("wrong content type", lambda true: replace(true, headers=true.headers | named))


def gzip_bomb(size_bytes: int = 256 << 20) -> Outcome:
    """A body of about a thousandth of `size_bytes` that unpacks to a JSON string of so many spaces."""
    packed = _spaces_packed(size_bytes)
    encoding = {"content-encoding": "gzip"}
    return _changed("gzip bomb", lambda true: replace(true, headers=true.headers | encoding, body=packed))


@cache
def _spaces_packed(size_bytes: int) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    chunk = b" " * (1 << 20)
    parts = [packer.compress(b'"')]
    parts += [packer.compress(chunk) for _ in range(size_bytes // len(chunk))]
    return b"".join([*parts, packer.compress(b'"'), packer.flush()])


def invalid_utf8() -> Outcome:
    """The true answer with bytes in its first string that are no UTF-8."""
    return _body("invalid UTF-8", lambda body: body.replace(b'":"', b'":"\xff\xfe', 1))


def byte_order_mark() -> Outcome:
    """The true answer after a byte order mark."""
    return _body("byte order mark", lambda body: b"\xef\xbb\xbf" + body)


def duplicate_keys() -> Outcome:
    """Every top-level key twice, with null the second time."""

    def doubled(body: bytes) -> bytes:
        nulls = ",".join(f"{json.dumps(key)}:null" for key in json.loads(body))
        return body[:-1] + b"," + nulls.encode() + b"}"

    return _body("duplicate keys", doubled)


def not_a_number() -> Outcome:
    """The true answer with one more key, whose value is NaN."""
    return _body("NaN", lambda body: body[:-1] + b',"has_more":NaN}')


def deep_array(depth: int = 100_000) -> Outcome:
    """Arrays in arrays."""
    return _body("deep array", lambda body: b"[" * depth + b"]" * depth)


def empty() -> Outcome:
    """Status 200 and no body."""
    return _body("empty", lambda body: b"")


def json_null() -> Outcome:
    """Status 200 and `null`."""
    return _body("null", lambda body: b"null")


def _body(name: str, change: Callable[[bytes], bytes]) -> Outcome:
    return _changed(name, lambda true: replace(true, body=change(true.body)))


def _changed(name: str, change: Callable[[Response], Response]) -> Outcome:
    return Outcome(
        name, lambda emulator, true_answer, now: change(true_answer), commits=True, is_spoiled=True
    )
