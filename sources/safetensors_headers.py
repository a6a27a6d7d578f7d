"""Source: the safetensors headers of a Hugging Face repository, by range request, never weights.

A file begins with eight bytes, the length of the header, little-endian; the header is JSON: name -> dtype,
shape and the place of the values behind it (https://huggingface.co/docs/safetensors/index#format). The first
request takes what holds nearly every header, a second one the rest of a longer one. A header is checked as
the format demands, since whoever uploads a file may write anything there.

What the hub answers instead of a file means what it means in `sources.hub`: its requests are used.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from schemas.errors import BadModel, BadSource, HubOffline, NoConfig
from sources.hub import THREADS, Hub
from sources.hub_request import COMMIT, Request, check_names
from sources.strict_json import loads

NAME = "safetensors"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
LENGTH_BYTES = 8
FIRST_BYTES = 100_000
"""Of the first request, as huggingface_hub does: 97 % of headers are shorter."""
MAX_HEADER_BYTES = 25_000_000
"""As huggingface_hub has it."""
MAX_INDEX_BYTES = 64 * 2**20
MAX_FILES = 2_000
MAX_NAME = 512
FILE = re.compile(r"(?!.*\.\.)\w[\w.-]*(/\w[\w.-]*)*\.safetensors", re.ASCII)
RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")
BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16,
    "I16": 16, "U16": 16, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
"""Bits of one element (safetensors 0.6, `Dtype`)."""
OTHERWISE = (
    "take the tensors from the config: --tensors blueprint or dry-run; or use another copy of the model"
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor as a file holds it."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Headers:
    """All tensors a repository stores, and the commit they were read at."""

    repo: str
    commit: str
    tensors: Mapping[str, Stored]


def stored_params(headers: Headers) -> int:
    """Elements of all tensors, as the hub counts parameters: scales too, and packed weights as packed."""
    return sum(math.prod(tensor.shape) for tensor in headers.tensors.values())


# What a header says. Pure.


def parse(header: bytes, data_bytes: int, where: str) -> dict[str, Stored]:
    """The tensors of one file. `data_bytes`: what the file holds behind its header.

    Raises BadSource for a header that the format does not allow.
    """
    found: dict[str, Stored] = {}
    places: list[tuple[int, int, str]] = []
    for name, entry in _object(header, "header", where).items():
        if name == "__metadata__":
            continue
        _check_name(name, where)
        found[name], (begin, end) = _entry(name, entry, data_bytes, where)
        if begin < end:
            places.append((begin, end, name))
    _check_overlap(places, where)
    return found


def header_length(prefix: bytes, file_bytes: int, where: str) -> int:
    """Bytes of the header, from the first bytes of the file."""
    if len(prefix) < LENGTH_BYTES:
        raise _bad(f"want at least {LENGTH_BYTES} bytes, the file has {file_bytes}", where)
    length = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise _bad(f"want a header of at most {MAX_HEADER_BYTES:,} bytes, got {length:,}", where)
    if LENGTH_BYTES + length > file_bytes:
        raise _bad(f"a header of {length:,} bytes in a file of {file_bytes:,}", where)
    return length


def shards(index: bytes, where: str) -> dict[str, str]:
    """Tensor name -> file, of an index file. Raises BadSource."""
    listed = _object(index, "index", where).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise _bad("index: want weight_map, the file of each tensor", where)
    for name, file in listed.items():
        if not isinstance(file, str) or not FILE.fullmatch(file):
            raise _bad(f"index: {name[:80]!r}: want the name of a .safetensors file, got {file!r:.80}", where)
    if len(files := set(listed.values())) > MAX_FILES:
        raise _bad(f"index: want at most {MAX_FILES:,} files, got {len(files):,}", where)
    return listed


def merged(
    files: Mapping[str, Mapping[str, Stored]], listed: Mapping[str, str], where: str
) -> dict[str, Stored]:
    """The tensors of all files, in the order of the files' names.

    Raises BadSource where two files hold the same name, or one does not hold what the index says.
    """
    found: dict[str, Stored] = {}
    owner: dict[str, str] = {}
    for file in sorted(files):
        for name, tensor in files[file].items():
            if name in owner:
                raise _bad(f"{name!r} is in {owner[name]} and in {file}", where)
            found[name], owner[name] = tensor, file
    for name, file in listed.items():
        if owner.get(name) != file:
            raise _bad(f"index: {name[:80]!r} should be in {file}, and is not", where)
    return found


def _object(text: bytes, part: str, where: str) -> dict[str, Any]:
    try:
        return loads(text, where)
    except BadSource as error:
        raise BadSource(
            f"{part}: {error.what.removeprefix('config: ')}", where=error.where, fix=OTHERWISE
        ) from None


def _entry(name: str, entry: object, data_bytes: int, where: str) -> tuple[Stored, tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _bad(f"{name!r}: want dtype, shape and data_offsets", where)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _bad(f"{name!r}: unknown dtype {dtype!r:.40}", where)
    if not _are_counts(shape):
        raise _bad(f"{name!r}: want a shape of whole numbers, got {shape!r:.60}", where)
    if not _are_counts(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= data_bytes:
        raise _bad(
            f"{name!r}: want offsets within {data_bytes:,} bytes of values, got {offsets!r:.60}", where
        )
    if (offsets[1] - offsets[0]) * 8 != (bits := BITS[dtype] * math.prod(shape)):
        got = f"{offsets[1] - offsets[0]:,}"
        raise _bad(f"{name!r}: {dtype} {shape} takes {bits / 8:,.10g} bytes, its offsets say {got}", where)
    return Stored(dtype, tuple(shape)), (offsets[0], offsets[1])


def _are_counts(found: object) -> bool:
    return isinstance(found, list) and all(type(one) is int and one >= 0 for one in found)


def _check_name(name: str, where: str) -> None:
    """A name that could be read as a pattern, or that a terminal would obey, is no tensor's."""
    if not (0 < len(name) <= MAX_NAME and name.isprintable()) or "{" in name:
        raise _bad(f"no tensor can be called {name[:80]!r}", where)


def _check_overlap(places: Iterable[tuple[int, int, str]], where: str) -> None:
    last, holder = 0, ""
    for begin, end, name in sorted(places):
        if begin < last:
            raise _bad(f"{name!r} and {holder!r} lie in the same bytes", where)
        last, holder = end, name


def _bad(what: str, where: str) -> BadSource:
    return BadSource(f"safetensors: {what}", where=where, fix=OTHERWISE)


# Reading them.


def read(repo: str, progress: Progress, hub: Hub, revision: str = "main") -> Headers:
    """All headers of a repository at one commit, eight files at a time. `progress`: files read, files in all.

    Raises a HubError for an answer that is no file, BadModel for a repository without safetensors, BadSource
    for a header or index that the format does not allow.
    """
    from huggingface_hub.constants import is_offline_mode

    check_names(repo, revision)
    if is_offline_mode():
        what = f"{repo}: offline, and headers are not kept in the cache"
        raise HubOffline(what, where=repo, fix="unset HF_HUB_OFFLINE and run again")
    commit, listed = _files(repo, revision, hub)
    where = f"{repo}@{commit[:7]}:{INDEX if listed else SINGLE}"
    headers = _headers(repo, commit, sorted(set(listed.values())) or [SINGLE], progress, hub)
    return Headers(repo, commit, merged(headers, listed, where))


def _files(repo: str, revision: str, hub: Hub) -> tuple[str, dict[str, str]]:
    """The commit, and which file holds which tensor; nothing for a repository of a single file."""
    try:
        return hub.patiently(_File(repo, revision, SINGLE, hub).commit), {}
    except NoConfig:
        pass
    index = _File(repo, revision, INDEX, hub)
    try:
        commit = hub.patiently(index.commit)
    except NoConfig as none:
        what = f"{repo}: the repository has neither {SINGLE} nor {INDEX}"
        raise BadModel(what, where=none.where, fix=OTHERWISE) from None
    text, _ = hub.patiently(lambda: index.span(commit, 0, MAX_INDEX_BYTES))
    return commit, shards(text, index.place(commit))


def _headers(
    repo: str, commit: str, files: list[str], progress: Progress, hub: Hub
) -> dict[str, dict[str, Stored]]:
    found: dict[str, dict[str, Stored]] = {}
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="headers")
    try:
        asked = {pool.submit(_File(repo, commit, file, hub).header): file for file in files}
        for done, future in enumerate(as_completed(asked), start=1):
            found[asked[future]] = future.result()
            progress(done, len(files))
    finally:
        pool.shutdown(cancel_futures=True)
    return found


class _File(Request):
    """One file of a repository."""

    def __init__(self, repo: str, revision: str, file: str, hub: Hub):
        super().__init__(repo, revision, hub.timeout_s, hub.wait_s, file)
        self.hub = hub

    def place(self, commit: str) -> str:
        return f"{self.repo}@{commit[:7]}:{self.file}"

    def commit(self) -> str:
        """The commit that the revision means. Raises NoConfig where it has no such file."""
        commit = self.head().headers.get("X-Repo-Commit", "")
        if not COMMIT.fullmatch(commit):
            raise self.down("the answer names no commit: this is not the Hugging Face Hub")
        return str(commit)

    def header(self) -> dict[str, Stored]:
        """The tensors of this file; `revision` is a commit."""
        where = self.place(self.revision)
        try:
            text, size = self.hub.patiently(lambda: self.span(self.revision, 0, FIRST_BYTES))
            end = LENGTH_BYTES + header_length(text, size, where)
            if end > len(text):
                start = len(text)
                rest, _ = self.hub.patiently(lambda: self.span(self.revision, start, end - start))
                text += rest
        except NoConfig:
            raise _bad("the index names this file, and the repository has none of that name", where) from None
        return parse(text[LENGTH_BYTES:end], size - end, where)

    def span(self, commit: str, start: int, length: int) -> tuple[bytes, int]:
        """At most `length` bytes from `start`, and the size of the file."""
        from huggingface_hub import get_session

        asked = self.headers() | {"Range": f"bytes={start}-{start + length - 1}"}
        with (
            self._transport_errors(),
            get_session().stream(
                "GET", self.url(commit), headers=asked, timeout=self.timeout_s, follow_redirects=True
            ) as answer,
        ):
            if answer.status_code == 416:
                raise _bad("the file is empty", self.place(commit))
            self._check(answer)
            size = self._size(answer, start)
            text = bytearray()
            for chunk in self._in_time(answer.iter_raw()):
                text += chunk
                if len(text) > length:
                    raise self._unasked(commit, length)
        if size is None:
            return bytes(text), len(text)
        if len(text) != min(length, size - start):
            raise self.down("the answer broke off")
        return bytes(text), size

    def _size(self, answer: Any, start: int) -> int | None:
        """Bytes of the whole file; None where the answer is the whole file."""
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise self.down("the answer is compressed, which was not asked for")
        if answer.status_code == 200 and start == 0:
            return None
        found = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status_code != 206 or found is None or int(found[1]) != start:
            raise self.down("the answer is not the range that was asked for")
        return int(found[2])

    def _unasked(self, commit: str, length: int) -> BadSource:
        what = f"{self.repo}: {self.file}: asked for {length:,} bytes, and more came"
        fix = "the server does not answer range requests: unset HF_ENDPOINT, or name another mirror"
        return BadSource(what, where=self.place(commit), fix=fix)
