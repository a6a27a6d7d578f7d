"""Source: `config.json` of Hugging Face Hub repositories, through huggingface_hub's session, token and cache.

A HEAD resolves the revision to a commit (`X-Repo-Commit`); the body is asked for only when the cache does not
hold that commit. It is streamed here and not by `hf_hub_download`, which has no size cap and answers a rate
limit and a dead hub alike with a subclass of "the file does not exist". What was read is stored where the
library would store it, so both use one cache.

HF_TOKEN, HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE mean what they mean to the library, which reads them once,
at import.
"""

import hashlib
import os
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from schemas.errors import (
    BadHubToken,
    BadSettings,
    BadSource,
    BadUsage,
    DisabledRepo,
    GatedRepo,
    HubDown,
    HubError,
    HubOffline,
    HubRateLimited,
    MissingOrPrivateRepo,
    NoConfig,
    NoRevision,
    RegistryError,
)
from sources.strict_json import loads

if TYPE_CHECKING:
    from tenacity import RetryCallState

CONFIG = "config.json"
THREADS = 8
TRIES = 2
"""Of a hub that does not answer; a rate limit is bounded by `wait_s` instead."""
PAUSE_S = 0.5
"""Between those tries."""
BODY_DEADLINES = 6
"""A whole body may take this many times `timeout_s`, however steadily it drips."""
MAX_REDIRECTS = 5
GIVE_UP_AFTER: Mapping[type[RegistryError], int] = {HubDown: 5, HubRateLimited: 1, BadHubToken: 1}
"""Answers in a row after which the rest of a batch is not asked: they would get the same."""
OTHER_SOURCE = "name another config_repo, or a config file, for the model in registry.toml"
COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"(?!.*\.\.)\w[\w./-]*")
REPO = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HubConfig:
    """A config.json and the commit it is of. `age_s`: since the hub last confirmed it."""

    repo: str
    commit: str
    config: dict[str, object]
    where: str
    age_s: float


class _TryAgain(Exception):
    """An answer that may be another after `wait_s`; `error` is what it is when the tries are used up."""

    def __init__(self, error: HubError, wait_s: float):
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


class Hub:
    """Reads config.json. `max_bytes` counts decoded bytes; `wait_s` is the most that rate limits may cost."""

    def __init__(
        self,
        cache_dir: Path | None = None,
        max_bytes: int = 4 * 2**20,
        timeout_s: float = 5.0,
        wait_s: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.cache_dir = cache_dir
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s
        self.wait_s = wait_s
        self.sleep = sleep

    def cached(self, repo: str, revision: str = "main") -> HubConfig | None:
        """What the cache holds, None when that is nothing usable. Never touches the network."""
        from huggingface_hub import try_to_load_from_cache

        if not (REPO.fullmatch(repo) and REVISION.fullmatch(revision)):
            return None
        found = try_to_load_from_cache(repo, CONFIG, cache_dir=self.cache_dir, revision=revision)
        if not isinstance(found, str):
            return None
        path = Path(found)
        try:
            text = _read_file(path, self.max_bytes)
            ref = self._folder(repo) / "refs" / revision
            confirmed = (ref if ref.is_file() else path).stat().st_mtime
            return self._config(repo, path.parent.name, text, max(0.0, time.time() - confirmed))
        except (OSError, BadSource):
            return None

    def fetch(self, repo: str, revision: str = "main") -> HubConfig:
        """The config.json the hub has now; offline, the one of the cache.

        Raises a HubError for an answer that is no config.json, BadSource for one that is too large or
        malformed, BadUsage for a name no repository can have, BadSettings for an HF_ENDPOINT that is no URL.
        """
        from huggingface_hub.constants import is_offline_mode
        from tenacity import Retrying, retry_if_exception_type

        _check_names(repo, revision)
        if is_offline_mode():
            return self._offline(repo, revision)
        attempts = Retrying(
            sleep=self.sleep,
            retry=retry_if_exception_type(_TryAgain),
            wait=lambda state: _again(state).wait_s,
            stop=self._spent,
            reraise=True,
        )
        try:
            return attempts(self._fetch_once, repo, revision)
        except _TryAgain as again:
            raise again.error from None

    def _offline(self, repo: str, revision: str) -> HubConfig:
        found = self.cached(repo, revision)
        if found is None:
            what = f"{repo}: offline, and the cache has no {CONFIG} of it"
            raise HubOffline(what, where=str(self._folder(repo)), fix="unset HF_HUB_OFFLINE and run again")
        return found

    def _spent(self, state: "RetryCallState") -> bool:
        if isinstance(_again(state).error, HubRateLimited):
            return state.idle_for + state.upcoming_sleep > self.wait_s
        return state.attempt_number >= TRIES

    def _fetch_once(self, repo: str, revision: str) -> HubConfig:
        request = _Request(repo, revision, self.timeout_s, self.wait_s)
        head = request.head()
        commit = head.headers.get("X-Repo-Commit", "")
        if not COMMIT.fullmatch(commit):
            raise request.down("the answer names no commit: this is not the Hugging Face Hub")
        size = _stated_size(head)
        if size is not None and size > self.max_bytes:
            raise _too_large(repo, commit, self.max_bytes)
        text = self._stored(repo, commit, size)
        if text is None:
            text = request.body(commit, self.max_bytes)
            found = self._config(repo, commit, text, 0.0)
            with suppress(OSError):  # a cache that cannot be written costs a request next time, no more
                self._store(repo, commit, head.headers.get("ETag", ""), text)
        else:
            found = self._config(repo, commit, text, 0.0)
        with suppress(OSError):
            self._confirm(repo, revision, commit)
        return found

    def _config(self, repo: str, commit: str, text: bytes, age_s: float) -> HubConfig:
        where = _where(repo, commit)
        return HubConfig(repo, commit, loads(text, where), where, age_s)

    def _folder(self, repo: str) -> Path:
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        return Path(self.cache_dir or constants.HF_HUB_CACHE) / repo_folder_name(
            repo_id=repo, repo_type="model"
        )

    def _stored(self, repo: str, commit: str, size: int | None) -> bytes | None:
        """The file of this commit, None when there is none or it is not of the size the hub states."""
        try:
            text = _read_file(self._folder(repo) / "snapshots" / commit / CONFIG, self.max_bytes)
        except (OSError, BadSource):
            return None
        return text if size in (None, len(text)) else None

    def _store(self, repo: str, commit: str, etag: str, text: bytes) -> None:
        """The library's layout: `blobs/ETAG`, and `snapshots/COMMIT/config.json` linked to it."""
        folder = self._folder(repo)
        name = etag.removeprefix("W/").strip('"')
        if not re.fullmatch(r"[0-9a-f]{40,64}", name):  # a git blob has this etag on the hub
            name = hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()
        _write(folder / "blobs" / name, text)
        pointer = folder / "snapshots" / commit / CONFIG
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.unlink(missing_ok=True)
        try:
            pointer.symlink_to(Path("..", "..", "blobs", name))
        except OSError:  # a file system without links
            _write(pointer, text)

    def _confirm(self, repo: str, revision: str, commit: str) -> None:
        """Writes what the revision resolves to, each time anew: its age is the age of the answer."""
        if revision != commit:
            _write(self._folder(repo) / "refs" / revision, commit.encode())


def fetch_all(
    hub: Hub, repos: Sequence[str], progress: Callable[[int, int], None], *, revision: str = "main"
) -> dict[str, HubConfig | RegistryError]:
    """The answer for each repository, asked for by eight threads, in the order of `repos`.

    After five dead answers in a row, one rate limit that cannot be waited for, or one refused token, the rest
    is not asked and gets that error.
    """
    breaker = _Breaker()

    def ask(repo: str) -> HubConfig | RegistryError:
        if (tripped := breaker.tripped) is not None:
            return _not_asked(repo, tripped)
        try:
            answer: HubConfig | RegistryError = hub.fetch(repo, revision)
        except RegistryError as error:
            answer = error
        breaker.count(answer)
        return answer

    wanted = list(dict.fromkeys(repos))
    answers: dict[str, HubConfig | RegistryError] = {}
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="hub")
    try:
        asked = {pool.submit(ask, repo): repo for repo in wanted}
        for done, future in enumerate(as_completed(asked), start=1):
            answers[asked[future]] = future.result()
            progress(done, len(wanted))
    finally:
        pool.shutdown(cancel_futures=True)
    return {repo: answers[repo] for repo in wanted}


class _Breaker:
    """Counts answers of one kind in a row."""

    def __init__(self) -> None:
        self.tripped: RegistryError | None = None
        self._in_a_row: Counter[type] = Counter()
        self._lock = Lock()

    def count(self, answer: HubConfig | RegistryError) -> None:
        kind = type(answer)
        with self._lock:
            self._in_a_row = Counter({kind: self._in_a_row[kind] + 1})
            if isinstance(answer, RegistryError) and self._in_a_row[kind] == GIVE_UP_AFTER.get(type(answer)):
                self.tripped = answer


def _not_asked(repo: str, tripped: RegistryError) -> RegistryError:
    times = GIVE_UP_AFTER[type(tripped)]
    why = f"{times} repositories in a row had no answer" if times > 1 else tripped.what
    return type(tripped)(f"{repo}: not asked: {why}", where=tripped.where, fix=tripped.fix)


class _Request:
    """One question to the hub, and what its refusals mean."""

    def __init__(self, repo: str, revision: str, timeout_s: float, wait_s: float):
        self.repo = repo
        self.revision = revision
        self.timeout_s = timeout_s
        self.wait_s = wait_s
        self.endpoint = _endpoint()
        self.token = _token()

    @property
    def where(self) -> str:
        return self.url(self.revision)

    def url(self, revision: str) -> str:
        return f"{self.endpoint}/{self.repo}/resolve/{revision.replace('/', '%2F')}/{CONFIG}"

    def headers(self) -> dict[str, str]:
        """`identity`: the stated size is then the size of the file."""
        own = {"User-Agent": "llm-config-registry", "Accept-Encoding": "identity"}
        return own | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def head(self) -> Any:
        """The answer that names the commit. The session drops the token where a redirect changes the host."""
        from huggingface_hub import get_session

        session = get_session()
        with self._transport_errors():
            request = session.build_request(
                "HEAD", self.url(self.revision), headers=self.headers(), timeout=self.timeout_s
            )
            for _ in range(MAX_REDIRECTS):
                answer = session.send(request, follow_redirects=False)
                self._check(answer)
                if "X-Repo-Commit" in answer.headers or answer.next_request is None:
                    return answer
                request = answer.next_request
        raise self.down(f"more than {MAX_REDIRECTS} redirects")

    def body(self, commit: str, max_bytes: int) -> bytes:
        from huggingface_hub import get_session

        with (
            self._transport_errors(),
            get_session().stream(
                "GET", self.url(commit), headers=self.headers(), timeout=self.timeout_s, follow_redirects=True
            ) as answer,
        ):
            self._check(answer)
            chunks = self._in_time(answer.iter_raw())
            where = _where(self.repo, commit)
            plain = _decoded(chunks, answer.headers.get("Content-Encoding", ""), max_bytes, where)
            text = bytearray()
            for part in plain:
                text += part
                if len(text) > max_bytes:
                    raise _too_large(self.repo, commit, max_bytes)
            return bytes(text)

    def _in_time(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        deadline = time.monotonic() + BODY_DEADLINES * self.timeout_s
        for chunk in chunks:
            yield chunk
            if time.monotonic() > deadline:
                raise self.down(f"the body was not complete after {BODY_DEADLINES * self.timeout_s:g} s")

    @contextmanager
    def _transport_errors(self) -> Iterator[None]:
        """A connection that fails is a dead hub. Its own text is left out: it may quote a header."""
        from huggingface_hub.errors import HfHubHTTPError

        # the base class of the HTTP client that this huggingface_hub is built on
        transport_error: Any = next(c for c in HfHubHTTPError.__mro__ if c.__name__ == "HTTPError")
        try:
            yield
        except transport_error as error:
            kind = type(error).__name__
            if "Timeout" in kind:
                raise self.down(f"no answer within {self.timeout_s:g} s") from None
            what = "no connection" if kind == "ConnectError" else f"the answer broke off ({kind})"
            raise self.down(what) from None

    def down(self, what: str) -> _TryAgain:
        fix = "run again later; HF_ENDPOINT names another hub, HF_HUB_OFFLINE=1 reads the cache only"
        return _TryAgain(HubDown(f"{self.repo}: hub: {what}", where=self.where, fix=fix), PAUSE_S)

    def _check(self, answer: Any) -> None:
        """Raises what a refusal means. `X-Error-Code` first: the statuses are shared."""
        status = answer.status_code
        if status < 400:
            return
        if status == 429:
            raise self._limited(_seconds_to_wait(answer.headers))
        if status >= 500 or status == 408:
            raise self.down(f"answered {status}")
        raise self._refusal(status, answer.headers)

    def _limited(self, wait_s: float) -> _TryAgain:
        fix = f"run again in {wait_s:g} s" + ("" if self.token else "; with HF_TOKEN set the limit is higher")
        what = f"{self.repo}: the hub asks to wait {wait_s:g} s, and a run waits {self.wait_s:g} s at most"
        return _TryAgain(HubRateLimited(what, where=self.where, fix=fix), wait_s)

    def _refusal(self, status: int, headers: Mapping[str, str]) -> HubError:
        code = headers.get("X-Error-Code")
        if code == "GatedRepo":
            return self._gated()
        if code == "EntryNotFound":
            what = f"{self.repo}: the repository has no {CONFIG}"
            return NoConfig(what, where=self.where, fix=OTHER_SOURCE)
        if code == "RevisionNotFound":
            what = f"{self.repo}: the repository has no revision {self.revision!r}"
            fix = "set the model's revision in registry.toml to a branch, a tag or a commit of the repository"
            return NoRevision(what, where=self.where, fix=fix)
        if code == "DisabledRepo" or status == 451 or (status == 403 and code is None):
            what = f"{self.repo}: the hub has disabled this repository or closed it ({status})"
            return DisabledRepo(what, where=self.where, fix=OTHER_SOURCE)
        if status == 401 and code is None:
            return _bad_token(self.where, self.token)
        if code == "RepoNotFound" or status == 404:
            return self._missing()
        return HubError(f"{self.repo}: the hub answered {status}", where=self.where, fix=OTHER_SOURCE)

    def _gated(self) -> GatedRepo:
        page = f"https://huggingface.co/{self.repo}"
        account = "with the account of HF_TOKEN" if self.token else "and set HF_TOKEN to that account's"
        what = f"{self.repo}: gated: its licence is not accepted by this account"
        return GatedRepo(what, where=self.where, fix=f"accept the licence at {page} {account}")

    def _missing(self) -> MissingOrPrivateRepo:
        what = f"{self.repo}: missing or private: the hub answers alike for both"
        fix = "check the name, " + ("and that HF_TOKEN may read it" if self.token else "or set HF_TOKEN")
        return MissingOrPrivateRepo(what, where=self.where, fix=fix)


def _bad_token(where: str, token: str | None) -> BadHubToken:
    if token is None:
        return BadHubToken("the hub wants a token and HF_TOKEN is not set", where=where, fix="set HF_TOKEN")
    fix = "make one at https://huggingface.co/settings/tokens, or unset HF_TOKEN to read public repositories"
    return BadHubToken("the hub does not accept the token of HF_TOKEN", where=where, fix=fix)


def _endpoint() -> str:
    from huggingface_hub.constants import ENDPOINT

    try:
        parts = urlsplit(ENDPOINT)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password:
        what = "HF_ENDPOINT: want a URL such as https://huggingface.co, without a name or password"
        raise BadSettings(what, where="environment variable HF_ENDPOINT", fix="set or unset HF_ENDPOINT")
    return ENDPOINT


def _token() -> str | None:
    """The token of the library's own sources. A header cannot carry anything but printable ASCII."""
    from huggingface_hub import constants, get_token

    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    if token and not (token.isascii() and token.isprintable()):
        what = "HF_TOKEN holds a character that no token has"
        raise BadHubToken(what, where="environment variable HF_TOKEN", fix="copy it again, or unset it")
    return token or None


def _stated_size(head: Any) -> int | None:
    """Bytes of the file; unknown when the length is that of a redirect or of a compressed body."""
    stated = head.headers.get("Content-Length", "")
    plain = head.headers.get("Content-Encoding", "identity").lower() == "identity"
    return int(stated) if head.status_code == 200 and plain and re.fullmatch(r"[0-9]{1,18}", stated) else None


def _seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Of `RateLimit: "resolvers";r=0;t=55`, else of Retry-After (seconds or a date); at least 1."""
    limit = re.search(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})", headers.get("RateLimit", ""))
    if limit:
        return max(1.0, float(limit[1]))
    after = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", after):
        return max(1.0, float(after))
    try:
        return max(1.0, round(parsedate_to_datetime(after).timestamp() - time.time()))
    except ValueError:
        return 5.0


def _decoded(chunks: Iterable[bytes], encoding: str, max_bytes: int, where: str) -> Iterator[bytes]:
    """The plain bytes, never more than `max_bytes` + 1 at once, however far a chunk would inflate."""
    if encoding.lower() in ("", "identity"):
        yield from chunks
        return
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        what = f"config: want it uncompressed, as asked for, got {encoding[:40]!r}"
        raise BadSource(what, where=where, fix="set HF_ENDPOINT to a mirror that sends what is asked for")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in chunks:
            yield inflate.decompress(chunk, max_bytes + 1)
    except zlib.error:
        raise BadSource(f"config: not {encoding}, as its header says", where=where, fix="run again") from None


def _check_names(repo: str, revision: str) -> None:
    if not REPO.fullmatch(repo):
        raise BadUsage(f"{repo!r}: want a hub id such as org/name", fix="set the model's config_repo")
    if not REVISION.fullmatch(revision):
        what = f"{repo}: no revision can be called {revision!r}"
        raise NoRevision(what, fix="set the model's revision in registry.toml to a branch, a tag or a commit")


def _where(repo: str, commit: str) -> str:
    return f"{repo}@{commit[:7]}:{CONFIG}"


def _too_large(repo: str, commit: str, max_bytes: int) -> BadSource:
    what = f"{repo}: {CONFIG}: want at most {max_bytes} bytes, met more"
    return BadSource(what, where=_where(repo, commit), fix=OTHER_SOURCE)


def _again(state: "RetryCallState") -> _TryAgain:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _TryAgain)
    return error


def _read_file(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as file:
        text = file.read(max_bytes + 1)
    if len(text) > max_bytes:
        raise BadSource(f"{CONFIG}: want at most {max_bytes} bytes, met more", where=str(path))
    return text


def _write(path: Path, text: bytes) -> None:
    """All of it or nothing: others read this cache at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{time.monotonic_ns()}.part")
    part.write_bytes(text)
    part.replace(path)
