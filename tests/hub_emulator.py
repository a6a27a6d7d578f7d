"""A Hugging Face Hub on 127.0.0.1 that answers what a test tells it to: real sockets, real HTTP.

Headers and codes are those of the hub's `resolve` route: X-Repo-Commit, ETag (the id of the git blob),
X-Error-Code, X-Error-Message, RateLimit. Files put beside the config are answered as files of
the hub's large-file store: a redirect that names the commit, then bytes, all or the range that was asked for.
"""

import gzip
import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BOMB = gzip.compress(bytes(2**26))
"""64 MiB of zeros in about 64 KiB."""
REFUSALS: dict[str, tuple[int, dict[str, str]]] = {
    "gated": (403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted."}),
    "gated anonymous": (401, {"X-Error-Code": "GatedRepo"}),
    "missing": (404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}),
    "missing anonymous": (401, {"X-Error-Code": "RepoNotFound"}),
    "bare 404": (404, {}),
    "no revision": (404, {"X-Error-Code": "RevisionNotFound"}),
    "no config": (404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}),
    "disabled": (
        403,
        {"X-Error-Code": "DisabledRepo", "X-Error-Message": "Access to this resource is disabled."},
    ),
    "disabled 451": (451, {}),
    "forbidden": (403, {}),
    "bad token": (401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
    "retry after": (429, {"Retry-After": "300"}),
    "rate limit": (429, {"RateLimit": '"resolvers";r=0;t=55', "Retry-After": "7"}),
    "503": (503, {}),
    "500": (500, {}),
    "teapot": (418, {}),
    "not a hub": (200, {"Content-Type": "text/html"}),
}


@dataclass
class _Repo:
    config: bytes = b"{}"
    commit: str = COMMIT
    outcomes: list[str] = field(default_factory=list)
    moved_to: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    file_outcomes: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """One request as it came in; header names in lower case."""

    method: str
    repo: str
    revision: str
    headers: dict[str, str]
    file: str = "config.json"
    n_bytes: int = 0
    """Of the body that was sent."""


class HubEmulator:
    """`with HubEmulator() as hub:` then `hub.put`, `hub.outcome`, `hub.url`, `hub.requests`."""

    def __init__(self) -> None:
        self.repos: dict[str, _Repo] = {}
        self.requests: list[Asked] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, repo: str, config: bytes, commit: str = COMMIT) -> None:
        """The config.json of a repository, at this commit and at every branch."""
        self.repos[repo] = _Repo(config, commit)

    def put_file(self, repo: str, file: str, text: bytes, *outcomes: str) -> None:
        """Another file of a repository, and what requests for its bytes meet; `ok` is the file."""
        found = self.repos.setdefault(repo, _Repo())
        found.files[file] = text
        found.file_outcomes[file] = list(outcomes)

    def bytes_sent(self, file: str) -> int:
        """Of this file, to everyone who asked."""
        return sum(asked.n_bytes for asked in self.requests if asked.file == file)

    def outcome(self, repo: str, *kinds: str, moved_to: str = "") -> None:
        """What the next requests for it meet, one each; the last one stays. `ok` is the config."""
        found = self.repos.setdefault(repo, _Repo())
        found.outcomes, found.moved_to = list(kinds), moved_to

    def methods(self, repo: str | None = None) -> list[str]:
        return [asked.method for asked in self.requests if repo in (None, asked.repo)]

    def __enter__(self) -> "HubEmulator":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(hub: HubEmulator) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        emulator = hub

    return Handler


class _Handler(BaseHTTPRequestHandler):
    emulator: HubEmulator

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Silence: `requests` is the log."""

    def _answer(self) -> None:
        name, _, rest = self.path.lstrip("/").partition("/resolve/")
        revision = unquote(rest.split("/")[0])
        file = rest.partition("/")[2]
        if name.startswith("stored/"):
            self._stored(name.removeprefix("stored/"), file)
            return
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.emulator.requests.append(Asked(self.command, name, revision, headers, file))
        repo = self.emulator.repos.get(name)
        if repo is None:
            self._refuse("missing")
            return
        if file != "config.json":
            self._file(name, repo, file)
            return
        kind = (repo.outcomes.pop(0) if len(repo.outcomes) > 1 else "".join(repo.outcomes)) or "ok"
        if kind in REFUSALS:
            self._refuse(kind)
        else:
            getattr(self, f"_{kind.replace(' ', '_')}")(repo)

    def _file(self, name: str, repo: _Repo, file: str) -> None:
        """To where the bytes are, as the hub does; a repository's refusal holds for its files too."""
        kind = repo.outcomes[0] if repo.outcomes else "ok"
        if kind in REFUSALS or file not in repo.files:
            self._refuse(kind if kind in REFUSALS else "no config")
            return
        facts = {"X-Repo-Commit": repo.commit, "X-Linked-Size": str(len(repo.files[file]))}
        self._send(302, facts | {"Location": f"/stored/{name}/resolve/{repo.commit}/{file}"})

    def _stored(self, name: str, file: str) -> None:
        """The bytes of a file. Outcomes: a refusal; `whole` ignores the range, `short` ends early, `other`
        sends another range, `zip` says that it is compressed.
        """
        repo = self.emulator.repos[name]
        outcomes = repo.file_outcomes[file]
        kind = (outcomes.pop(0) if len(outcomes) > 1 else "".join(outcomes)) or "ok"
        if kind in REFUSALS:
            self._refuse(kind)
            return
        text = repo.files[file]
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found is None or kind == "whole":
            self._bytes(name, file, 200, text, {})
            return
        start, end = int(found[1]) + (kind == "other"), min(int(found[2]) + 1, len(text))
        if start >= end:
            self._send(416, {"Content-Range": f"bytes */{len(text)}"})
            return
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(text)}"}
        headers |= {"Content-Encoding": "gzip"} if kind == "zip" else {}
        self._bytes(name, file, 206, text[start : end - (kind == "short")], headers)

    def _bytes(self, name: str, file: str, status: int, text: bytes, headers: dict[str, str]) -> None:
        known = {key.lower(): value for key, value in self.headers.items()}
        self.emulator.requests.append(Asked(self.command, name, "stored", known, file, len(text)))
        try:
            self._send(status, headers, text)
        except OSError:  # the client had enough
            self.close_connection = True

    def _refuse(self, kind: str) -> None:
        status, headers = REFUSALS[kind]
        self._send(status, headers, b"<html>refused</html>")

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET" and status != 304:
            self.wfile.write(body)

    def _facts(self, repo: _Repo) -> dict[str, str]:
        blob = b"blob %d\0" % len(repo.config) + repo.config
        return {"X-Repo-Commit": repo.commit, "ETag": f'"{hashlib.sha1(blob).hexdigest()}"'}

    def _ok(self, repo: _Repo) -> None:
        facts = self._facts(repo)
        known = self.headers.get("If-None-Match") == facts["ETag"]
        self._send(304 if known else 200, facts, b"" if known else repo.config)

    def _moved(self, repo: _Repo) -> None:
        self._send(307, {"Location": repo.moved_to})

    def _stated_huge(self, repo: _Repo) -> None:
        self._send(200, self._facts(repo) | {"Content-Length": str(5 * 10**9)})

    def _cut_off(self, repo: _Repo) -> None:
        stated = {"Content-Length": str(len(repo.config) + 10)} if self.command == "GET" else {}
        self._send(200, self._facts(repo) | stated, repo.config)
        self.close_connection = True

    def _bomb(self, repo: _Repo) -> None:
        self._send(200, self._facts(repo) | {"Content-Encoding": "gzip"}, BOMB if self._body else b"")

    def _zipped(self, repo: _Repo) -> None:
        self._send(200, self._facts(repo) | {"Content-Encoding": "gzip"}, gzip.compress(repo.config))

    def _brotli(self, repo: _Repo) -> None:
        self._send(200, self._facts(repo) | {"Content-Encoding": "br"}, b"?")

    def _liar(self, repo: _Repo) -> None:
        """HEAD states two bytes; GET goes on for ever."""
        if self._body:
            self._endless(repo)
        else:
            self._send(200, self._facts(repo) | {"Content-Length": "2"})

    def _endless(self, repo: _Repo, chunk: bytes = b" " * 16384, pause_s: float = 0) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        for key, value in (
            self._facts(repo) | {"Transfer-Encoding": "chunked", "Connection": "close"}
        ).items():
            self.send_header(key, value)
        self.end_headers()
        try:
            while self._body and not self.emulator.closing.wait(pause_s):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        except OSError:  # the client hung up, as it should
            self.close_connection = True

    def _drip(self, repo: _Repo) -> None:
        self._endless(repo, b" ", 0.02)

    def _silent(self, _repo: _Repo) -> None:
        self.emulator.closing.wait(30)

    @property
    def _body(self) -> bool:
        return self.command == "GET"
