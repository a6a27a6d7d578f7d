"""Every answer of the hub has its own class, exit code and text; a rate limit is never "absent"."""

import hashlib
import logging
import os
import time
import traceback
import tracemalloc
from pathlib import Path

import pytest
from huggingface_hub import constants, hf_hub_download

from schemas import errors
from sources.hub import Hub, HubConfig, fetch_all
from tests.hub_emulator import COMMIT, HubEmulator

REPO = "org/model"
TOKEN = "hf_notARealTokenButSecret"
CONFIG = b'{"model_type": "llama", "hidden_size": 4096}'
OTHER = "name another config_repo, or a config file, for the model in registry.toml"
AGAIN = "run again later; HF_ENDPOINT names another hub, HF_HUB_OFFLINE=1 reads the cache only"


@pytest.fixture
def emulator(monkeypatch):
    with HubEmulator() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        running.put(REPO, CONFIG)
        yield running


@pytest.fixture
def slept():
    return []


@pytest.fixture
def hub(tmp_path, slept):
    return Hub(tmp_path / "cache", timeout_s=2, wait_s=60, sleep=slept.append)


def failure(hub, repo=REPO, revision="main"):
    with pytest.raises(errors.RegistryError) as raised:
        hub.fetch(repo, revision)
    return raised.value


def test_a_config_comes_with_the_commit_it_is_of(hub, emulator):
    assert hub.fetch(REPO) == HubConfig(
        REPO, COMMIT, {"model_type": "llama", "hidden_size": 4096}, "org/model@0123456:config.json", 0.0
    )


def test_the_body_is_asked_for_once_and_at_the_commit_it_was_resolved_to(hub, emulator):
    first = hub.fetch(REPO)
    assert hub.fetch(REPO) == first
    asked = [(request.method, request.revision) for request in emulator.requests]
    assert asked == [("HEAD", "main"), ("GET", COMMIT), ("HEAD", "main")]


def test_a_branch_that_moved_is_read_again(hub, emulator):
    hub.fetch(REPO)
    emulator.put(REPO, b'{"hidden_size": 8}', commit="f" * 40)
    moved = hub.fetch(REPO)
    assert (moved.commit, moved.config) == ("f" * 40, {"hidden_size": 8})
    assert hub.cached(REPO).commit == "f" * 40
    assert hub.cached(REPO, COMMIT).config["hidden_size"] == 4096


def test_the_cache_is_the_one_of_huggingface_hub_in_both_directions(hub, emulator, tmp_path, monkeypatch):
    hub.fetch(REPO)
    path = Path(hf_hub_download(REPO, "config.json", cache_dir=tmp_path / "cache", local_files_only=True))
    assert path.read_bytes() == CONFIG
    assert path.resolve().name == hashlib.sha1(b"blob 44\0" + CONFIG).hexdigest()
    theirs = tmp_path / "theirs"
    hf_hub_download(REPO, "config.json", cache_dir=theirs, endpoint=emulator.url)
    del emulator.requests[:]
    assert Hub(theirs).cached(REPO).commit == COMMIT
    assert Hub(theirs).fetch(REPO).commit == COMMIT
    assert emulator.methods() == ["HEAD"]


def test_cached_asks_nobody_and_knows_how_old_it_is(hub, emulator, tmp_path):
    assert hub.cached(REPO) is None
    hub.fetch(REPO)
    del emulator.requests[:]
    ref = tmp_path / "cache/models--org--model/refs/main"
    os.utime(ref, (time.time() - 7200,) * 2)
    assert 7200 <= hub.cached(REPO).age_s < 7260
    assert emulator.requests == []
    hub.fetch(REPO)
    assert hub.cached(REPO).age_s < 60


def test_a_broken_file_in_the_cache_is_fetched_again(hub, emulator, tmp_path):
    hub.fetch(REPO)
    next((tmp_path / "cache").rglob("snapshots/*/config.json")).write_bytes(b'{"hidden')
    assert hub.cached(REPO) is None
    assert hub.fetch(REPO).config["hidden_size"] == 4096
    assert hub.cached(REPO).config["hidden_size"] == 4096


def test_a_cache_that_cannot_be_written_costs_only_the_cache(emulator, tmp_path):
    (tmp_path / "file").write_text("")
    assert Hub(tmp_path / "file").fetch(REPO).commit == COMMIT


MISSING = "org/model: missing or private: the hub answers alike for both"
DISABLED = "org/model: the hub has disabled this repository or closed it"
REFUSALS = [
    ("gated", errors.GatedRepo, 5, "org/model: gated: its licence is not accepted by this account",
     "accept the licence at https://huggingface.co/org/model with the account of HF_TOKEN"),
    ("gated anonymous", errors.GatedRepo, 5, "org/model: gated: its licence is not accepted by this account",
     "accept the licence at https://huggingface.co/org/model with the account of HF_TOKEN"),
    ("missing", errors.MissingOrPrivateRepo, 5,
     MISSING, "check the name, and that HF_TOKEN may read it"),
    ("missing anonymous", errors.MissingOrPrivateRepo, 5,
     MISSING, "check the name, and that HF_TOKEN may read it"),
    ("bare 404", errors.MissingOrPrivateRepo, 5,
     MISSING, "check the name, and that HF_TOKEN may read it"),
    ("disabled", errors.DisabledRepo, 5, f"{DISABLED} (403)", OTHER),
    ("disabled 451", errors.DisabledRepo, 5, f"{DISABLED} (451)", OTHER),
    ("forbidden", errors.DisabledRepo, 5, f"{DISABLED} (403)", OTHER),
    ("no config", errors.NoConfig, 0, "org/model: the repository has no config.json", OTHER),
    ("no revision", errors.NoRevision, 3, "org/model: the repository has no revision 'main'",
     "set the model's revision in registry.toml to a branch, a tag or a commit of the repository"),
    ("bad token", errors.BadHubToken, 6, "the hub does not accept the token of HF_TOKEN",
     "make one at https://huggingface.co/settings/tokens, or unset HF_TOKEN to read public repositories"),
    ("retry after", errors.HubRateLimited, 7,
     "org/model: the hub asks to wait 300 s, and a run waits 60 s at most", "run again in 300 s"),
    ("503", errors.HubDown, 7, "org/model: hub: answered 503", AGAIN),
    ("500", errors.HubDown, 7, "org/model: hub: answered 500", AGAIN),
    ("silent", errors.HubDown, 7, "org/model: hub: no answer within 0.2 s", AGAIN),
    ("teapot", errors.HubError, 5, "org/model: the hub answered 418", OTHER),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "error", "code", "what", "fix"), REFUSALS, ids=[refusal[0] for refusal in REFUSALS]
)
@pytest.mark.parametrize("at", ["HEAD", "GET"])
def test_each_refusal_says_what_it_is(hub, emulator, monkeypatch, kind, error, code, what, fix, at):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.timeout_s = 0.2 if kind == "silent" else 2
    emulator.outcome(REPO, *([kind] if at == "HEAD" else ["ok", kind, "ok", kind]))
    raised = failure(hub)
    assert type(raised) is error
    assert raised.exit_code == code
    assert str(raised) == (
        f"{what}\n  from  {emulator.url}/org/model/resolve/main/config.json\n  fix   {fix}"
    )
    assert hub.cached(REPO) is None


def test_a_page_of_something_else_is_no_hub(hub, emulator):
    emulator.outcome(REPO, "not a hub")
    assert str(failure(hub)) == (
        "org/model: hub: the answer names no commit: this is not the Hugging Face Hub\n"
        f"  from  {emulator.url}/org/model/resolve/main/config.json\n  fix   {AGAIN}"
    )


ANONYMOUS = [
    ("gated", "accept the licence at https://huggingface.co/org/model and set HF_TOKEN to that account's"),
    ("missing", "check the name, or set HF_TOKEN"),
    ("bad token", "set HF_TOKEN"),
    ("retry after", "run again in 300 s; with HF_TOKEN set the limit is higher"),
]


@pytest.mark.parametrize(("kind", "fix"), ANONYMOUS, ids=[kind for kind, _ in ANONYMOUS])
def test_without_a_token_the_fix_is_to_set_one(hub, emulator, kind, fix):
    emulator.outcome(REPO, kind)
    assert failure(hub).fix == fix


@pytest.mark.parametrize(
    ("kind", "waits"), [("rate limit", [55.0]), ("503", [0.5])], ids=["429 with RateLimit", "503"]
)
def test_an_answer_that_passes_is_waited_for(hub, emulator, slept, kind, waits):
    emulator.outcome(REPO, kind, "ok")
    assert hub.fetch(REPO).commit == COMMIT
    assert slept == waits


def test_all_waits_for_one_config_together_stay_within_wait_s(hub, emulator, slept):
    emulator.outcome(REPO, "rate limit")
    raised = failure(hub)
    assert type(raised) is errors.HubRateLimited
    assert raised.what == "org/model: the hub asks to wait 55 s, and a run waits 60 s at most"
    assert slept == [55.0]


def test_a_dead_port_is_no_connection(hub, slept, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert str(failure(hub)) == (
        "org/model: hub: no connection\n"
        f"  from  http://127.0.0.1:9/org/model/resolve/main/config.json\n  fix   {AGAIN}"
    )
    assert slept == [0.5]


def test_offline_reads_the_cache_and_asks_nobody(hub, emulator, monkeypatch, tmp_path):
    hub.fetch(REPO)
    del emulator.requests[:]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.fetch(REPO).commit == COMMIT
    raised = failure(hub, "org/other")
    assert (type(raised), raised.exit_code) == (errors.HubOffline, 0)
    assert str(raised) == (
        "org/other: offline, and the cache has no config.json of it\n"
        f"  from  {tmp_path}/cache/models--org--other\n"
        "  fix   unset HF_HUB_OFFLINE and run again"
    )
    assert emulator.requests == []


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b/c", "../x", "a--b/c", "a/..", "http://x/y", "a/b?c", "a/b\n"]
)
def test_a_name_no_repository_can_have_is_not_asked_for(hub, emulator, name):
    raised = failure(hub, name)
    assert type(raised) is errors.BadUsage
    assert raised.what == f"{name!r}: want a hub id such as org/name"
    assert hub.cached(name) is None
    assert emulator.requests == []


def test_a_revision_that_leaves_the_cache_is_not_asked_for(hub, emulator):
    assert type(failure(hub, REPO, "../../main")) is errors.NoRevision
    assert hub.cached(REPO, "../../main") is None
    assert emulator.requests == []


def test_a_branch_with_a_slash_is_one_revision(hub, emulator):
    assert hub.fetch(REPO, "refs/pr/1").commit == COMMIT
    assert hub.cached(REPO, "refs/pr/1").commit == COMMIT
    assert emulator.requests[0].revision == "refs/pr/1"


LARGE = ["stated huge", "liar", "endless", "bomb"]


@pytest.mark.parametrize("kind", LARGE)
def test_no_more_than_the_cap_is_read(emulator, tmp_path, kind):
    emulator.outcome(REPO, kind)
    hub = Hub(tmp_path / "cache", max_bytes=100_000, timeout_s=2)
    tracemalloc.start()
    raised = failure(hub)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert type(raised) is errors.BadSource
    assert str(raised) == (
        "org/model: config.json: want at most 100000 bytes, met more\n"
        f"  from  org/model@0123456:config.json\n  fix   {OTHER}"
    )
    assert hub.cached(REPO) is None
    assert peak_bytes < 2**22
    assert ("GET" in emulator.methods()) == (kind != "stated huge")


def test_a_config_of_exactly_the_cap_is_read(emulator, tmp_path):
    assert Hub(tmp_path / "a", max_bytes=len(CONFIG)).fetch(REPO).commit == COMMIT
    emulator.outcome(REPO, "zipped")
    assert Hub(tmp_path / "b", max_bytes=len(CONFIG)).fetch(REPO).config["hidden_size"] == 4096
    emulator.outcome(REPO, "ok")
    with pytest.raises(errors.BadSource):
        Hub(tmp_path / "c", max_bytes=len(CONFIG) - 1).fetch(REPO)


def test_a_body_that_drips_has_a_deadline(emulator, tmp_path):
    emulator.outcome(REPO, "drip")
    raised = failure(Hub(tmp_path, timeout_s=0.1, sleep=lambda _: None))
    assert type(raised) is errors.HubDown
    assert raised.what == "org/model: hub: the body was not complete after 0.6 s"


def test_a_body_that_breaks_off_is_a_dead_hub(hub, emulator):
    emulator.outcome(REPO, "cut off")
    assert failure(hub).what == "org/model: hub: the answer broke off (RemoteProtocolError)"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<html>", "config: not JSON: expecting value"),
        (b"[1]", "config: want an object, got an array"),
        (b'{"a": 1, "a": 2}', "config: the key 'a' stands twice in one object"),
        (b'{"a": NaN}', "config: NaN is no number of JSON"),
        (b"[" * 100_000, "config: nested too deep"),
    ],
    ids=["html", "array", "key twice", "NaN", "deep"],
)
def test_a_bad_body_is_a_bad_source_and_is_not_kept(hub, emulator, body, what):
    emulator.put(REPO, body)
    raised = failure(hub)
    assert type(raised) is errors.BadSource
    assert raised.what == what
    assert str(raised.where).startswith("org/model@0123456:config.json")
    assert hub.cached(REPO) is None


def test_an_encoding_nobody_asked_for_is_refused(hub, emulator):
    emulator.outcome(REPO, "brotli")
    assert failure(hub).what == "config: want it uncompressed, as asked for, got 'br'"


def test_a_renamed_repository_is_followed_and_keeps_the_name_it_was_asked_by(hub, emulator):
    emulator.put("new/name", CONFIG)
    emulator.outcome(REPO, "moved", moved_to="/new/name/resolve/main/config.json")
    found = hub.fetch(REPO)
    assert (found.repo, found.where) == (REPO, "org/model@0123456:config.json")
    assert hub.cached(REPO).config == found.config


def test_the_token_goes_to_the_hub_and_to_no_other_host(hub, emulator, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with HubEmulator() as elsewhere:
        elsewhere.put(REPO, CONFIG)
        emulator.outcome(REPO, "moved", moved_to=f"{elsewhere.url}/org/model/resolve/main/config.json")
        assert hub.fetch(REPO).commit == COMMIT
        assert {asked.headers.get("authorization") for asked in emulator.requests} == {f"Bearer {TOKEN}"}
        assert elsewhere.methods() == ["HEAD", "GET"]
        assert {asked.headers.get("authorization") for asked in elsewhere.requests} == {None}


@pytest.mark.parametrize(
    "kind", [*(refusal[0] for refusal in REFUSALS if refusal[0] != "silent"), "cut off", "bomb"]
)
def test_the_token_is_in_no_text(emulator, monkeypatch, tmp_path, caplog, kind):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    caplog.set_level(logging.DEBUG)
    emulator.outcome(REPO, kind)
    raised = failure(Hub(tmp_path, max_bytes=10_000, sleep=lambda _: None))
    assert emulator.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    for text in [str(raised), repr(raised), "".join(traceback.format_exception(raised)), caplog.text]:
        assert TOKEN not in text


@pytest.mark.parametrize("token", ["hf_se\x01cret", "hf_s\u00e9cret"], ids=["control", "not ASCII"])
def test_a_token_no_header_can_carry_is_named_without_its_value(hub, emulator, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    assert str(failure(hub)) == (
        "HF_TOKEN holds a character that no token has\n"
        "  from  environment variable HF_TOKEN\n  fix   copy it again, or unset it"
    )
    assert emulator.requests == []


@pytest.mark.parametrize("endpoint", ["localhost:8080", "http://h:port", "", "http://me:secret@127.0.0.1:9"])
def test_an_endpoint_that_is_no_url_is_a_bad_setting(hub, monkeypatch, endpoint):
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    raised = failure(hub)
    assert type(raised) is errors.BadSettings
    assert "secret" not in str(raised)


def test_a_batch_is_answered_in_order_and_one_bad_model_does_not_stop_the_others(hub, emulator):
    repos = [f"org/m{n}" for n in range(20)]
    for repo in repos:
        emulator.put(repo, CONFIG)
    emulator.outcome("org/m3", "gated")
    emulator.put("org/m4", b"{")
    seen = []
    answers = fetch_all(hub, [*repos, "org/m0"], lambda done, total: seen.append((done, total)))
    assert list(answers) == repos
    assert type(answers["org/m3"]) is errors.GatedRepo
    assert type(answers["org/m4"]) is errors.BadSource
    assert sum(isinstance(answer, HubConfig) for answer in answers.values()) == 18
    assert seen == [(n, 20) for n in range(1, 21)]
    assert emulator.methods("org/m0") == ["HEAD", "GET"]


def test_a_dead_hub_with_60_models_ends_in_seconds(emulator, tmp_path):
    repos = [f"org/m{n}" for n in range(60)]
    for repo in repos:
        emulator.outcome(repo, "503")
    began = time.monotonic()
    answers = fetch_all(Hub(tmp_path), repos, lambda _done, _total: None)
    assert time.monotonic() - began < 5
    assert {type(answer) for answer in answers.values()} == {errors.HubDown}
    assert len(emulator.requests) <= 2 * (5 + 8)
    assert answers["org/m59"].what == "org/m59: not asked: 5 repositories in a row had no answer"
    assert answers["org/m59"].fix == AGAIN


def test_four_dead_answers_in_a_row_stop_nothing(hub, emulator, monkeypatch):
    monkeypatch.setattr("sources.hub.THREADS", 1)
    repos = [f"org/m{n}" for n in range(10)]
    for n, repo in enumerate(repos):
        emulator.put(repo, CONFIG)
        emulator.outcome(repo, "ok" if n in (4, 9) else "503")
    answers = fetch_all(hub, repos, lambda _done, _total: None)
    assert [repo for repo in repos if isinstance(answers[repo], HubConfig)] == ["org/m4", "org/m9"]


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("retry after", errors.HubRateLimited,
         "org/m9: not asked: org/m0: the hub asks to wait 300 s, and a run waits 60 s at most"),
        ("bad token", errors.BadHubToken, "org/m9: not asked: the hub wants a token and HF_TOKEN is not set"),
    ],
)  # fmt: skip
def test_an_answer_that_holds_for_all_is_asked_for_once(hub, emulator, monkeypatch, kind, error, text):
    monkeypatch.setattr("sources.hub.THREADS", 1)
    repos = [f"org/m{n}" for n in range(10)]
    for repo in repos:
        emulator.outcome(repo, kind)
    answers = fetch_all(hub, repos, lambda _done, _total: None)
    assert {type(answer) for answer in answers.values()} == {error}
    assert emulator.methods() == ["HEAD"]
    assert answers["org/m9"].what == text
