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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from schemas.errors import (
    BadHubToken,
    BadSource,
    HubDown,
    HubOffline,
    HubRateLimited,
    RegistryError,
)
from sources.hub_request import (
    COMMIT,
    CONFIG,
    REPO,
    REVISION,
    Answer,
    Request,
    check_names,
    patiently,
    place,
    stated_size,
    too_large,
)
from sources.strict_json import loads

THREADS = 8
GIVE_UP_AFTER: Mapping[type[RegistryError], int] = {HubDown: 5, HubRateLimited: 1, BadHubToken: 1}
"""Answers in a row after which the rest of a batch is not asked: they would get the same."""


@dataclass(frozen=True, slots=True)
class HubConfig:
    """A config.json and the commit it is of. `age_s`: since the hub last confirmed it."""

    repo: str
    commit: str
    config: dict[str, object]
    where: str
    age_s: float


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

        check_names(repo, revision)
        if is_offline_mode():
            return self._offline(repo, revision)
        return self.patiently(lambda: self._fetch_once(repo, revision))

    def patiently(self, ask: Callable[[], Answer]) -> Answer:
        """An answer of the hub, asked for as often as this run may."""
        return patiently(ask, self.sleep, self.wait_s)

    def _offline(self, repo: str, revision: str) -> HubConfig:
        found = self.cached(repo, revision)
        if found is None:
            what = f"{repo}: offline, and the cache has no {CONFIG} of it"
            raise HubOffline(what, where=str(self._folder(repo)), fix="unset HF_HUB_OFFLINE and run again")
        return found

    def _fetch_once(self, repo: str, revision: str) -> HubConfig:
        request = Request(repo, revision, self.timeout_s, self.wait_s)
        head = request.head()
        commit = head.headers.get("X-Repo-Commit", "")
        if not COMMIT.fullmatch(commit):
            raise request.down("the answer names no commit: this is not the Hugging Face Hub")
        size = stated_size(head)
        if size is not None and size > self.max_bytes:
            raise too_large(repo, commit, self.max_bytes)
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
        where = place(repo, commit)
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
