"""One question to the Hugging Face Hub, what its refusals mean, and when it is asked again.

The session, token and endpoint are huggingface_hub's own. `sources.hub` reads config.json with it,
`sources.safetensors_headers` the headers of weight files.
"""

import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
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
    HubRateLimited,
    MissingOrPrivateRepo,
    NoConfig,
    NoRevision,
)

if TYPE_CHECKING:
    from tenacity import RetryCallState

Answer = TypeVar("Answer")
CONFIG = "config.json"
TRIES = 2
"""Of a hub that does not answer; a rate limit is bounded by `wait_s` instead."""
PAUSE_S = 0.5
"""Between those tries."""
BODY_DEADLINES = 6
"""A whole body may take this many times `timeout_s`, however steadily it drips."""
MAX_REDIRECTS = 5
OTHER_SOURCE = "name another config_repo, or a config file, for the model in registry.toml"
COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"(?!.*\.\.)\w[\w./-]*")
REPO = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)


class TryAgain(Exception):
    """An answer that may be another after `wait_s`; `error` is what it is when the tries are used up."""

    def __init__(self, error: HubError, wait_s: float):
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


def patiently(ask: Callable[[], Answer], sleep: Callable[[float], None], wait_s: float) -> Answer:
    """The answer, asked for again where another may come: TRIES times of a dead hub, `wait_s` in all of one
    that limits the rate.
    """
    from tenacity import Retrying, retry_if_exception_type

    def spent(state: "RetryCallState") -> bool:
        if isinstance(again(state).error, HubRateLimited):
            return state.idle_for + state.upcoming_sleep > wait_s
        return state.attempt_number >= TRIES

    attempts = Retrying(
        sleep=sleep,
        retry=retry_if_exception_type(TryAgain),
        wait=lambda state: again(state).wait_s,
        stop=spent,
        reraise=True,
    )
    try:
        return attempts(ask)
    except TryAgain as last:
        raise last.error from None


class Request:
    """One question to the hub, and what its refusals mean."""

    def __init__(self, repo: str, revision: str, timeout_s: float, wait_s: float, file: str = CONFIG):
        self.repo = repo
        self.file = file
        self.revision = revision
        self.timeout_s = timeout_s
        self.wait_s = wait_s
        self.endpoint = _endpoint()
        self.token = _token()

    @property
    def where(self) -> str:
        return self.url(self.revision)

    def url(self, revision: str) -> str:
        return f"{self.endpoint}/{self.repo}/resolve/{revision.replace('/', '%2F')}/{self.file}"

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
            where = place(self.repo, commit)
            plain = _decoded(chunks, answer.headers.get("Content-Encoding", ""), max_bytes, where)
            text = bytearray()
            for part in plain:
                text += part
                if len(text) > max_bytes:
                    raise too_large(self.repo, commit, max_bytes)
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

    def down(self, what: str) -> TryAgain:
        fix = "run again later; HF_ENDPOINT names another hub, HF_HUB_OFFLINE=1 reads the cache only"
        return TryAgain(HubDown(f"{self.repo}: hub: {what}", where=self.where, fix=fix), PAUSE_S)

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

    def _limited(self, wait_s: float) -> TryAgain:
        fix = f"run again in {wait_s:g} s" + ("" if self.token else "; with HF_TOKEN set the limit is higher")
        what = f"{self.repo}: the hub asks to wait {wait_s:g} s, and a run waits {self.wait_s:g} s at most"
        return TryAgain(HubRateLimited(what, where=self.where, fix=fix), wait_s)

    def _refusal(self, status: int, headers: Mapping[str, str]) -> HubError:
        code = headers.get("X-Error-Code")
        if code == "GatedRepo":
            return self._gated()
        if code == "EntryNotFound":
            what = f"{self.repo}: the repository has no {self.file}"
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


def stated_size(head: Any) -> int | None:
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


def check_names(repo: str, revision: str) -> None:
    if not REPO.fullmatch(repo):
        raise BadUsage(f"{repo!r}: want a hub id such as org/name", fix="set the model's config_repo")
    if not REVISION.fullmatch(revision):
        what = f"{repo}: no revision can be called {revision!r}"
        raise NoRevision(what, fix="set the model's revision in registry.toml to a branch, a tag or a commit")


def place(repo: str, commit: str) -> str:
    return f"{repo}@{commit[:7]}:{CONFIG}"


def too_large(repo: str, commit: str, max_bytes: int) -> BadSource:
    what = f"{repo}: {CONFIG}: want at most {max_bytes} bytes, met more"
    return BadSource(what, where=place(repo, commit), fix=OTHER_SOURCE)


def again(state: "RetryCallState") -> TryAgain:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, TryAgain)
    return error
