"""The plan as a document: its shape, the way back, and every way it can be wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BadPlan, StalePlan
from sync.files import FileAction, FileChange
from sync.plan import Plan, load_plan, make_plan, plan_document
from tests.sync.making import REF, SCHEMA, WHERE, base_of, evidence, record, row

REQUESTS = {"read": 1, "write": 0, "waited_s": 0.0}


def whole_plan() -> Plan:
    """A plan with every kind of content."""
    rows = [
        row("1", base_of(n_layers=1, d_ff=1), name="a", n_layers=1, d_ff=3, vocab_size=9, d_hidden=4),
        row("2", name="twice"),
        row("3", name="twice"),
    ]
    records = [
        record("a", n_layers=2, d_ff=1, vocab_size=8, d_hidden=4),
        record("b", norm_eps=1e-05, is_moe=True),
    ]
    files = [
        FileChange(Path("/data/layers/x.json"), FileAction.WRITTEN, {"n": [1, 2.5, None, "caf\u00e9"]}),
        FileChange(Path("/data/layers/y.json"), FileAction.UNCHANGED),
    ]
    return make_plan(records, rows, SCHEMA, REF, evidence, files)


def document() -> dict[str, Any]:
    return plan_document(whole_plan(), requests=REQUESTS, exit_code=5)


def as_file(content: object) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def test_its_shape_is_the_one_others_rely_on() -> None:
    plan, found = whole_plan(), document()
    assert set(found) >= {"digest", "table", "changes", "files", "summary", "requests", "exit_code"}
    assert found["digest"] == plan.digest
    assert found["table"] == {"kind": "local", "id": REF.id, "title": REF.title}
    assert found["summary"] == {"add": 1, "update": 0, "unchanged": 0, "held": 0, "conflict": 1}
    assert (found["requests"], found["exit_code"], found["format"]) == (REQUESTS, 5, "registry-plan/1")
    assert [file["action"] for file in found["files"]] == ["written", "unchanged"]
    change = found["changes"][0]
    assert (change["key"], change["model_name"], change["action"], change["row_id"]) == (
        "sku:a",
        "a",
        "conflict",
        "1",
    )
    assert change["cells"][1] == {
        "field": "n_layers", "action": "update", "from": 1, "to": 2, "base": 1, "source": "hf_config",
        "where": f"{WHERE}#n_layers",
    }  # fmt: skip
    assert [cell["action"] for cell in change["cells"]] == ["held", "update", "conflict"]
    assert {type(cell["action"]) for cell in change["cells"]} == {str}


def test_what_became_of_files_takes_the_place_of_what_was_planned() -> None:
    done = [FileChange(Path("/x.json"), FileAction.KEPT, {}, True, BadPlan("no room"))]
    found = plan_document(whole_plan(), requests=REQUESTS, exit_code=0, files=done)
    assert found["files"] == [{"path": "/x.json", "action": "kept", "content": {}, "problem": "no room"}]


def test_a_saved_plan_is_the_plan() -> None:
    plan = whole_plan()
    loaded = load_plan(as_file(document()), "plan.json")
    assert (loaded.digest, loaded.ref, loaded.fingerprint) == (plan.digest, plan.ref, plan.fingerprint)
    assert (loaded.changes, loaded.files, loaded.summary) == (plan.changes, plan.files, plan.summary)
    assert [(p.what, p.where, p.fix, p.exit_code) for p in loaded.problems] == [
        (p.what, p.where, p.fix, p.exit_code) for p in plan.problems
    ]
    assert len(plan.problems) == 1


def edited(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return edit


CELL = ("changes", 0, "cells", 1)
EDITS = [
    edited("digest", to="0" * 64),
    edited("table", "kind", to="sql"),
    edited("table", "id", to="/other"),
    edited("table", "title", to="/other"),
    edited("schema", to="0"),
    edited("summary", "add", to=2),
    edited("problems", 0, "what", to="all good"),
    edited("changes", 0, "key", to="sku:b2"),
    edited("changes", 0, "model_name", to="z"),
    edited("changes", 0, "row_id", to="2"),
    edited("changes", 0, "row_id", to=None),
    edited("changes", 0, "action", to="update"),
    edited("changes", 0, "row_base", to=None),
    edited("changes", 0, "agreed", to={}),
    edited("changes", 0, "cells", to=[]),
    edited("changes", to=[]),
    edited(*CELL, "field", to="n_heads"),
    edited(*CELL, "action", to="fill"),
    edited(*CELL, "from", to=3),
    edited(*CELL, "to", to=3),
    edited(*CELL, "to", to=2.0),
    edited(*CELL, "base", to=None),
    edited(*CELL, "source", to="sku_list"),
    edited(*CELL, "where", to="elsewhere"),
    edited("files", 0, "path", to="/etc/passwd"),
    edited("files", 0, "action", to="kept"),
    edited("files", 0, "content", "n", to=[]),
]


@pytest.mark.parametrize("edit", EDITS, ids=range(len(EDITS)))
def test_an_edited_plan_is_refused(edit: Callable[[dict[str, Any]], None]) -> None:
    content = document()
    edit(content)
    with pytest.raises(StalePlan, match="it was edited"):
        load_plan(as_file(content), "plan.json")


def test_the_refusal_of_an_edited_plan_says_what_to_do() -> None:
    content = document()
    content["digest"] = "0" * 64
    with pytest.raises(StalePlan) as stale:
        load_plan(as_file(content), "plan.json")
    assert str(stale.value) == (
        f"plan: its content has the digest {whole_plan().short_digest}, it says 00000000: it was edited\n"
        "  from  plan.json\n  fix   make one with: registry plan --out FILE\n  wrote nothing"
    )


def test_requests_and_exit_code_are_no_part_of_the_plan() -> None:
    content = document() | {"requests": {}, "exit_code": 0}
    assert load_plan(as_file(content), "plan.json").digest == whole_plan().digest


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (edited("extra", to=1), "plan: extra: extra inputs are not permitted"),
        (edited(*CELL, "to", to=None), "plan: changes.0.cells.1.to"),
        (edited(*CELL, "to", to=[1]), "plan: changes.0.cells.1.to"),
        (edited(*CELL, "action", to="delete"), "plan: changes.0.cells.1.action"),
        (edited(*CELL, "field", to="My notes"), "plan: no column for My notes"),
        (edited(*CELL, "field", to="key"), "plan: no column for key"),
        (edited("changes", 0, "agreed", to={"rm": "00000000"}), "plan: no column for rm"),
        (edited("digest", to=5), "plan: digest: input should be a valid string"),
        (edited("format", to="registry-plan/2"), "plan: want format registry-plan/1, got 'registry-plan/2'"),
        (edited(*CELL, "to", to=float("nan")), "plan: changes.0.cells.1.to"),
    ],
)
def test_a_malformed_plan_is_told_by_its_place(edit: Callable[[dict[str, Any]], None], what: str) -> None:
    content = document()
    edit(content)
    with pytest.raises(BadPlan) as bad:
        load_plan(as_file(content), "plan.json")
    assert bad.value.what.startswith(what)
    assert (bad.value.where, bad.value.wrote, bad.value.exit_code) == ("plan.json", "nothing", 3)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[]", b"null", b"{}", b"[" * 100_000, as_file(document())[:-9]]
)
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    with pytest.raises(BadPlan):
        load_plan(content, "plan.json")
