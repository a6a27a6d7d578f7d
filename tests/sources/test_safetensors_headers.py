"""What the hub stores is read from headers alone; a header the format does not allow is refused by name."""

import json
import math

import pytest
from huggingface_hub import HfApi, constants
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadModel, BadSource, BadUsage, HubError, RegistryError
from sources.hub import Hub
from sources.safetensors_headers import (
    BITS,
    FIRST_BYTES,
    INDEX,
    MAX_HEADER_BYTES,
    SINGLE,
    Headers,
    Stored,
    header_length,
    merged,
    parse,
    read,
    shards,
    stored_params,
)
from tests.hub_emulator import COMMIT, HubEmulator
from tests.safetensors_files import entries, file_of, packed, sharded

REPO = "org/model"
OTHERWISE = (
    "take the tensors from the config: --tensors blueprint or dry-run; or use another copy of the model"
)
TENSORS = {
    "a.weight": ("BF16", (3, 5)),
    "a.scale": ("F32", ()),
    "b": ("F8_E4M3", (7,)),
    "empty": ("I64", (0, 4)),
}


def header(tensors) -> bytes:
    return json.dumps(entries(tensors)).encode()


# The header of one file.


def test_a_header_gives_name_dtype_and_shape():
    assert parse(header(TENSORS), 41, "f") == {
        "a.weight": Stored("BF16", (3, 5)),
        "a.scale": Stored("F32", ()),
        "b": Stored("F8_E4M3", (7,)),
        "empty": Stored("I64", (0, 4)),
    }


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,6}(\.[a-z0-9_]{1,6}){0,3}", fullmatch=True),
        st.tuples(
            st.sampled_from([d for d in BITS if BITS[d] % 8 == 0]), st.lists(st.integers(0, 9), max_size=3)
        ),
        max_size=12,
    )
)
def test_every_header_that_the_format_allows_is_read(tensors):
    tensors = {name: (dtype, tuple(shape)) for name, (dtype, shape) in tensors.items()}
    n_bytes = sum(BITS[dtype] // 8 * math.prod(shape) for dtype, shape in tensors.values())
    assert {n: (t.dtype, t.shape) for n, t in parse(header(tensors), n_bytes, "f").items()} == tensors


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


A, B = entry(), entry(offsets=(4, 12))
HOSTILE = [
    ("not JSON", b"\x00\x01", "header: not JSON: expecting value", "f:1:1"),
    ("no object", b"[]", "header: want an object, got an array", "f"),
    ("no UTF-8", b'{"\xff": 1}', "header: not UTF-8: byte 0xff at 2", "f"),
    ("a name twice", b'{"w": 1, "w": 2}', "header: the key 'w' stands twice in one object", "f"),
    ("a number", {"w": 1}, "safetensors: 'w': want dtype, shape and data_offsets", "f"),
    ("another key", {"w": A | {"x": 1}}, "safetensors: 'w': want dtype, shape and data_offsets", "f"),
    ("a key missing", {"w": {"dtype": "F32", "shape": []}},
     "safetensors: 'w': want dtype, shape and data_offsets", "f"),
    ("unknown dtype", {"w": entry("F33")}, "safetensors: 'w': unknown dtype 'F33'", "f"),
    ("a dtype that is no text", {"w": entry(["F32"])}, "safetensors: 'w': unknown dtype ['F32']", "f"),
    ("shape of a number", {"w": entry(shape=2)},
     "safetensors: 'w': want a shape of whole numbers, got 2", "f"),
    ("shape of texts", {"w": entry(shape=["2"])},
     "safetensors: 'w': want a shape of whole numbers, got ['2']", "f"),
    ("shape of booleans", {"w": entry(shape=[True, 2])},
     "safetensors: 'w': want a shape of whole numbers, got [True, 2]", "f"),
    ("negative shape", {"w": entry(shape=[-1, -2])},
     "safetensors: 'w': want a shape of whole numbers, got [-1, -2]", "f"),
    ("negative offset", {"w": entry(offsets=[-8, 0])},
     "safetensors: 'w': want offsets within 16 bytes of values, got [-8, 0]", "f"),
    ("offsets turned round", {"w": entry(offsets=[8, 0])},
     "safetensors: 'w': want offsets within 16 bytes of values, got [8, 0]", "f"),
    ("one offset", {"w": entry(offsets=[8])},
     "safetensors: 'w': want offsets within 16 bytes of values, got [8]", "f"),
    ("offset beyond the file", {"w": entry(offsets=[9, 17])},
     "safetensors: 'w': want offsets within 16 bytes of values, got [9, 17]", "f"),
    ("another size", {"w": entry(offsets=[0, 9])},
     "safetensors: 'w': F32 [2] takes 8 bytes, its offsets say 9", "f"),
    ("half a byte", {"w": entry("F4", [3], [0, 1])},
     "safetensors: 'w': F4 [3] takes 1.5 bytes, its offsets say 1", "f"),
    ("a shape of the size of the sea", {"w": entry(shape=[2**40, 2**40])},
     "safetensors: 'w': F32 [1099511627776, 1099511627776] takes 4.835703278e+24 bytes, its offsets say 8",
     "f"),
    ("overlap", {"w": A, "v": B}, "safetensors: 'v' and 'w' lie in the same bytes", "f"),
    ("the same bytes", {"w": A, "v": A}, "safetensors: 'w' and 'v' lie in the same bytes", "f"),
    ("a name that is a pattern", {"w.{j}": A}, "safetensors: no tensor can be called 'w.{j}'", "f"),
    ("a name for the terminal", {"\x1b[2J": A}, "safetensors: no tensor can be called '\\x1b[2J'", "f"),
    ("no name", {"": A}, "safetensors: no tensor can be called ''", "f"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what", "where"), [case[1:] for case in HOSTILE], ids=[c[0] for c in HOSTILE]
)
def test_a_header_that_the_format_does_not_allow_is_refused(text, what, where):
    with pytest.raises(BadSource) as raised:
        parse(text if isinstance(text, bytes) else json.dumps(text).encode(), 16, "f")
    assert (raised.value.what, raised.value.where, raised.value.fix) == (what, where, OTHERWISE)


@pytest.mark.parametrize(
    ("prefix", "size", "what"),
    [
        (b"abc", 3, "want at least 8 bytes, the file has 3"),
        ((93).to_bytes(8, "little"), 100, "a header of 93 bytes in a file of 100"),
        ((MAX_HEADER_BYTES + 1).to_bytes(8, "little"), 2**40,
         "want a header of at most 25,000,000 bytes, got 25,000,001"),
        (b"\xff" * 8, 2**40, "want a header of at most 25,000,000 bytes, got 18,446,744,073,709,551,615"),
    ],
    ids=["shorter than a length", "one byte beyond the file", "too long", "as long as can be said"],
)  # fmt: skip
def test_a_length_that_no_header_has_is_refused(prefix, size, what):
    with pytest.raises(BadSource) as raised:
        header_length(prefix, size, "f")
    assert str(raised.value) == f"safetensors: {what}\n  from  f\n  fix   {OTHERWISE}"


def test_a_header_may_reach_to_the_last_byte():
    assert header_length((92).to_bytes(8, "little"), 100, "f") == 92
    assert header_length(MAX_HEADER_BYTES.to_bytes(8, "little"), 2**40, "f") == MAX_HEADER_BYTES


# Several files.

ONE = Stored("F32", (1,))
INDEXES = [
    ("no map", {"weight_map": []}, "safetensors: index: want weight_map, the file of each tensor"),
    ("empty", {"weight_map": {}}, "safetensors: index: want weight_map, the file of each tensor"),
    ("no text", {"weight_map": {"w": 1}},
     "safetensors: index: 'w': want the name of a .safetensors file, got 1"),
    ("another folder", {"weight_map": {"w": "../x.safetensors"}},
     "safetensors: index: 'w': want the name of a .safetensors file, got '../x.safetensors'"),
    ("another host", {"weight_map": {"w": "http://host/x.safetensors"}},
     "safetensors: index: 'w': want the name of a .safetensors file, got 'http://host/x.safetensors'"),
    ("another kind", {"weight_map": {"w": "model.bin"}},
     "safetensors: index: 'w': want the name of a .safetensors file, got 'model.bin'"),
    ("too many", {"weight_map": {f"w{n}": f"{n}.safetensors" for n in range(2001)}},
     "safetensors: index: want at most 2,000 files, got 2,001"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "what"), [case[1:] for case in INDEXES], ids=[c[0] for c in INDEXES])
def test_an_index_that_names_no_files_is_refused(document, what):
    with pytest.raises(BadSource) as raised:
        shards(json.dumps(document).encode(), "i")
    assert (raised.value.what, raised.value.where) == (what, "i")


def test_a_name_in_two_files_is_refused():
    with pytest.raises(BadSource) as raised:
        merged({"2.safetensors": {"w": ONE}, "1.safetensors": {"w": ONE}}, {}, "i")
    assert raised.value.what == "safetensors: 'w' is in 1.safetensors and in 2.safetensors"


@pytest.mark.parametrize("file", ["1.safetensors", "2.safetensors"])
def test_a_tensor_that_is_not_where_the_index_says_is_refused(file):
    files = {"1.safetensors": {"v": ONE}, "2.safetensors": {"v2": ONE}}
    with pytest.raises(BadSource) as raised:
        merged(files, {"w": file}, "i")
    assert raised.value.what == f"safetensors: index: 'w' should be in {file}, and is not"


# From the hub.


@pytest.fixture
def emulator(monkeypatch):
    with HubEmulator() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        running.put(REPO, b"{}")
        yield running


@pytest.fixture
def hub(tmp_path):
    return Hub(tmp_path / "cache", timeout_s=2, wait_s=60, sleep=lambda _: None)


def silent(_done, _total):
    pass


def failure(hub):
    with pytest.raises(RegistryError) as raised:
        read(REPO, silent, hub)
    return raised.value


WEIGHTS = {f"model.layers.{i}.mlp.weight": ("BF16", (300, 500)) for i in range(3)}


def test_a_single_file_is_read_without_its_weights(emulator, hub):
    text = file_of(WEIGHTS)
    emulator.put_file(REPO, SINGLE, text)
    seen = []
    found = read(REPO, lambda *step: seen.append(step), hub)
    assert found == Headers(REPO, COMMIT, {n: Stored(*t) for n, t in WEIGHTS.items()})
    assert seen == [(1, 1)]
    assert len(text) > 900_000
    assert 0 < emulator.bytes_sent(SINGLE) <= FIRST_BYTES


def test_shards_are_read_at_the_commit_of_the_index(emulator, hub):
    files = sharded({f"model-{n}.safetensors": {f"w{n}": ("F16", (n, 9000))} for n in range(1, 21)})
    for file, text in files.items():
        emulator.put_file(REPO, file, text)
    seen = []
    found = read(REPO, lambda *step: seen.append(step), hub)
    assert {n: t.shape for n, t in found.tensors.items()} == {f"w{n}": (n, 9000) for n in range(1, 21)}
    assert seen == [(n, 20) for n in range(1, 21)]
    asked = [(a.method, a.revision) for a in emulator.requests if a.revision != "stored"]
    assert asked[:2] == [("HEAD", "main")] * 2
    assert set(asked[2:]) == {("GET", COMMIT)}
    assert all(emulator.bytes_sent(f) <= FIRST_BYTES for f in files if f != INDEX)


@pytest.mark.parametrize(
    ("length", "ranges"),
    [
        (FIRST_BYTES - 8, [f"bytes=0-{FIRST_BYTES - 1}"]),
        (FIRST_BYTES - 7, [f"bytes=0-{FIRST_BYTES - 1}", f"bytes={FIRST_BYTES}-{FIRST_BYTES}"]),
        (3 * FIRST_BYTES, [f"bytes=0-{FIRST_BYTES - 1}", f"bytes={FIRST_BYTES}-{3 * FIRST_BYTES + 7}"]),
    ],
    ids=["all of the first range", "one byte more", "three times as long"],
)
def test_a_second_request_takes_the_rest_of_a_header_and_nothing_of_the_weights(
    emulator, hub, length, ranges
):
    emulator.put_file(REPO, SINGLE, file_of(WEIGHTS, length))
    assert list(read(REPO, silent, hub).tensors) == list(WEIGHTS)
    stored = [asked for asked in emulator.requests if asked.revision == "stored"]
    assert [asked.headers["range"] for asked in stored] == ranges
    assert emulator.bytes_sent(SINGLE) == max(FIRST_BYTES, length + 8)


def test_a_header_is_what_huggingface_hub_reads(emulator, hub):
    tensors = {
        f"layers.{i}.w": (dtype, (i + 2, 8)) for i, dtype in enumerate(["F64", "BF16", "I8", "U8", "F32"])
    }
    emulator.put_file(REPO, SINGLE, file_of(tensors))
    theirs = HfApi(endpoint=emulator.url).parse_safetensors_file_metadata(REPO, SINGLE)
    ours = read(REPO, silent, hub)
    assert {n: (t.dtype, t.shape) for n, t in ours.tensors.items()} == {
        name: (one.dtype, tuple(one.shape)) for name, one in theirs.tensors.items()
    }
    assert stored_params(ours) == sum(theirs.parameter_count.values()) == 160


def test_a_scalar_is_one_parameter_and_an_empty_tensor_none():
    assert stored_params(Headers(REPO, COMMIT, {"s": Stored("F32", ()), "e": Stored("F32", (0, 7))})) == 1


MAIN = "{url}/org/model/resolve/main/" + SINGLE
ANSWERS = [
    ("gated", 5, f"{REPO}: gated: its licence is not accepted by this account"),
    ("missing", 5, f"{REPO}: missing or private: the hub answers alike for both"),
    ("disabled", 5, f"{REPO}: the hub has disabled this repository or closed it (403)"),
    ("bad token", 6, "the hub wants a token and HF_TOKEN is not set"),
    ("retry after", 7, f"{REPO}: the hub asks to wait 300 s, and a run waits 60 s at most"),
    ("503", 7, f"{REPO}: hub: answered 503"),
]


@pytest.mark.parametrize(("kind", "code", "what"), ANSWERS, ids=[answer[0] for answer in ANSWERS])
def test_a_refusal_means_what_it_means_for_a_config(emulator, hub, kind, code, what):
    emulator.put_file(REPO, SINGLE, file_of(WEIGHTS))
    emulator.outcome(REPO, kind)
    found = failure(hub)
    assert isinstance(found, HubError)
    assert (found.exit_code, found.what, found.where) == (code, what, MAIN.format(url=emulator.url))


def test_a_hub_that_answers_again_is_read(emulator, hub):
    emulator.put_file(REPO, SINGLE, file_of(WEIGHTS), "503", "ok")
    assert len(read(REPO, silent, hub).tensors) == 3


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("short", "the answer broke off"),
        ("other", "the answer is not the range that was asked for"),
        ("zip", "the answer is compressed, which was not asked for"),
    ],
)
def test_an_answer_that_is_not_the_range_is_a_hub_that_is_down(emulator, hub, kind, what):
    emulator.put_file(REPO, SINGLE, file_of(WEIGHTS), kind)
    found = failure(hub)
    assert (found.exit_code, found.what) == (7, f"{REPO}: hub: {what}")


def test_a_server_that_sends_whole_files_is_left_at_the_first_byte_too_many(emulator, hub):
    emulator.put_file(REPO, SINGLE, file_of(WEIGHTS), "whole")
    assert str(failure(hub)) == (
        f"{REPO}: {SINGLE}: asked for 100,000 bytes, and more came\n"
        f"  from  {REPO}@{COMMIT[:7]}:{SINGLE}\n"
        "  fix   the server does not answer range requests: unset HF_ENDPOINT, or name another mirror"
    )


def test_a_small_file_may_come_whole(emulator, hub):
    emulator.put_file(REPO, SINGLE, file_of({"w": ("F32", (2,))}), "whole")
    assert read(REPO, silent, hub).tensors == {"w": Stored("F32", (2,))}


def test_a_repository_without_safetensors_is_refused_with_the_way_out(emulator, hub):
    found = failure(hub)
    assert type(found) is BadModel
    assert str(found) == (
        f"{REPO}: the repository has neither model.safetensors nor model.safetensors.index.json\n"
        f"  from  {emulator.url}/org/model/resolve/main/{INDEX}\n  fix   {OTHERWISE}"
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "the file is empty"),
        (b"abc", "want at least 8 bytes, the file has 3"),
        (packed(entries(WEIGHTS), 5), "'model.layers.0.mlp.weight': want offsets within 5 bytes of values, "
         "got [0, 300000]"),
        ((2**20).to_bytes(8, "little") + bytes(100), "a header of 1,048,576 bytes in a file of 108"),
    ],
    ids=["empty", "three bytes", "values cut off", "a header longer than the file"],
)  # fmt: skip
def test_a_damaged_file_is_refused_at_its_place(emulator, hub, text, what):
    emulator.put_file(REPO, SINGLE, text)
    found = failure(hub)
    assert str(found) == f"safetensors: {what}\n  from  {REPO}@{COMMIT[:7]}:{SINGLE}\n  fix   {OTHERWISE}"


def test_a_shard_that_is_not_there_is_refused(emulator, hub):
    files = sharded({"a.safetensors": {"a": ("F32", (1,))}, "b.safetensors": {"b": ("F32", (1,))}})
    for file in ("a.safetensors", INDEX):
        emulator.put_file(REPO, file, files[file])
    found = failure(hub)
    assert found.what == "safetensors: the index names this file, and the repository has none of that name"
    assert found.where == f"{REPO}@{COMMIT[:7]}:b.safetensors"


def test_offline_nobody_is_asked(emulator, hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert failure(hub).what == f"{REPO}: offline, and headers are not kept in the cache"
    assert emulator.requests == []


def test_a_name_no_repository_has_is_refused(hub):
    with pytest.raises(BadUsage):
        read("a/b/c", silent, hub)
