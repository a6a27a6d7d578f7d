"""What a person reads of a plan and of a run, whole."""

from pathlib import Path
from typing import Any

import pytest

from schemas.errors import BadSettings
from sync.apply import Applied
from sync.files import FileAction, FileChange
from sync.plan import Plan, make_plan, plan_document
from sync.render import escaped, render_applied, render_plan, shown
from sync.table import Outcome, RowResult
from tests.sync.making import REF, SCHEMA, base_of, evidence, plan_of, record, row

REQUESTS = {"read": 1, "write": 0, "waited_s": 0.0}
FILES = [
    FileChange(Path("/data/layers/a.json"), FileAction.WRITTEN, {"n": 1}),
    FileChange(Path("/data/layers/b.json"), FileAction.KEPT, {"n": 1}),
    FileChange(Path("/data/layers/c.json"), FileAction.UNCHANGED),
]


def mixed() -> Plan:
    old = base_of(d_ff=1000, n_layers=32, max_context_size=4096, model_type="base", n_heads=8)
    records = [
        record("Llama-2-70b", n_layers=80, n_kv_heads=8, d_ff=28672, norm_eps=1e-05, main=True),
        record("Llama-2-7b", n_layers=32, d_ff=11008, norm_eps=1e-05, vocab_size=32000),
        record("Llama-2-13b", max_context_size=4096, model_type="chat", n_layers=32, n_heads=40, d_ff=None),
        record("GPT-2", n_layers=12),
    ]
    rows = [
        row("1", old, name="Llama-2-7b", n_layers=32, d_ff=1000),
        row(
            "2",
            old,
            name="Llama-2-13b",
            max_context_size=2048,
            model_type="instr\x1b[2J\u202euct",
            n_layers=7,
            n_heads=8,
        ),
        row("3", name="GPT-2", n_layers=12),
    ]
    return make_plan(records, rows, SCHEMA, REF, evidence, FILES)


def text(plan: Plan, *, full: bool = False, dry_run: bool = False, heading: str = "") -> str:
    document = plan_document(plan, requests=REQUESTS, exit_code=0)
    return render_plan(document, heading=heading, full=full, dry_run=dry_run)


def test_a_plan_of_every_kind() -> None:
    plan = mixed()
    assert (
        text(plan, dry_run=True, heading="4 models -> table (3 rows)\nsources: hf_config 4/4")
        == rf"""
4 models -> table (3 rows)
sources: hf_config 4/4
plan {plan.digest[:8]}

~ Llama-2-7b                               update, 1 cell; fill, 2 cells
    d_ff          1,000 -> 11,008  elements  hf_config
    norm_eps    (empty) ->  1e-05            hf_config
    vocab_size  (empty) -> 32,000  tokens    hf_config

! Llama-2-13b                              update, 1 cell; held, 2 cells; conflict, 1 cell
    n_heads  8 -> 40  heads  hf_config
  ! model_type
        table now    instr\x1b[2J\u202euct
        source now   chat  (hf_config)
        kept as it is in the table; to settle:
          registry resolve sku:Llama-2-13b --field model_type --take table, or --take source
  ? held n_layers: table 7, source 32; kept as it is in the table
  ? held max_context_size: table 2,048, source 4,096; kept as it is in the table

+ Llama-2-70b                              add, 6 cells
    d_ff        28,672  elements  hf_config
    n_layers        80  layers    hf_config
    n_kv_heads       8  heads     hf_config
    norm_eps     1e-05            hf_config
    ... 2 more cells (--full)

= unchanged: 1 model

+ /data/layers/a.json
? /data/layers/b.json  kept: changed by hand or not ours; ours goes beside it as .new

Plan: 1 to add, 1 to update, 1 unchanged (10 cells, 1 layer file). Held: 0. Conflicts: 1.
Nothing written.""".removeprefix("\n")
    )


def test_full_shows_every_cell() -> None:
    shown_whole = text(mixed(), full=True)
    assert "    main                yes            hf_config" in shown_whole
    assert "more" not in shown_whole
    assert "Nothing written" not in shown_whole


def test_many_held_cells_are_counted_unless_full() -> None:
    wanted: dict[str, Any] = {
        "n_layers": 1,
        "n_heads": 2,
        "n_kv_heads": 3,
        "d_ff": 4,
        "d_hidden": 5,
        "vocab_size": 6,
    }
    here = row("1", base_of(**wanted), **dict.fromkeys(wanted, 99))  # type: ignore[arg-type]
    plan = plan_of([record(**wanted)], [here])
    assert text(plan).splitlines()[2:] == [
        "? Llama-2-7b                               held, 6 cells",
        "  ? held d_hidden: table 99, source 5; kept as it is in the table",
        "  ? held d_ff: table 99, source 4; kept as it is in the table",
        "  ? held n_layers: table 99, source 1; kept as it is in the table",
        "  ? held n_heads: table 99, source 2; kept as it is in the table",
        "    ... 2 more held (--full)",
        "",
        "Plan: 0 to add, 0 to update, 0 unchanged (0 cells, 0 layer files). Held: 1. Conflicts: 0.",
    ]
    assert "vocab_size: table 99, source 6" in text(plan, full=True)


@pytest.mark.parametrize(
    ("n", "line"),
    [
        (6, f"No changes. 6 models match their sources and {REF.title}."),
        (1, f"No changes. 1 model matches its sources and {REF.title}."),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_nothing_to_do_is_one_line(n: int, line: str, dry_run: bool) -> None:
    names = [f"m{i}" for i in range(n)]
    rows = [row(name, name=name) for name in names]
    plan = make_plan([record(name) for name in names], rows, SCHEMA, REF, evidence, [FILES[2]])
    assert text(plan, dry_run=dry_run, heading="6 models") == line


def test_a_file_alone_is_a_change() -> None:
    plan = make_plan([record()], [row("1")], SCHEMA, REF, evidence, [FILES[0]])
    assert text(plan).splitlines()[2:] == [
        "= unchanged: 1 model",
        "",
        "+ /data/layers/a.json",
        "",
        "Plan: 0 to add, 0 to update, 1 unchanged (0 cells, 1 layer file). Held: 0. Conflicts: 0.",
    ]


def test_a_conflict_without_evidence_names_the_source_as_such() -> None:
    plan = make_plan([record(n_layers=1)], [row("1", n_layers=2)], SCHEMA, REF, lambda key, field: None)
    assert "        source now   1  (source)" in text(plan)


def test_a_base_that_is_known_is_shown_in_a_conflict() -> None:
    plan = plan_of([record(n_layers=3)], [row("1", base_of(n_layers=1), n_layers=2)])
    document = plan_document(plan, requests=REQUESTS, exit_code=0)
    document["changes"][0]["cells"][0]["base"] = 1
    lines = render_plan(document, full=False, dry_run=False).splitlines()
    assert lines[3:7] == [
        "  ! n_layers",
        "        last agreed  1",
        "        table now    2",
        "        source now   3  (hf_config)",
    ]


def test_what_became_of_it() -> None:
    plan = mixed()
    full_disk = BadSettings("layer config a.json: cannot write it: no entry")
    done = [
        FileChange(Path("/data/layers/a.json"), FileAction.KEPT, {}, False, full_disk),
        FileChange(Path("/data/layers/d.json"), FileAction.WRITTEN, {}),
        FILES[1],
    ]
    results = (
        RowResult("sku:Llama-2-7b", Outcome.UPDATED),
        RowResult("sku:Llama-2-13b", Outcome.STALE, "n_heads moved"),
        RowResult("sku:Llama-2-70b", Outcome.FAILED, "the database refused it: \x1b"),
        RowResult("sku:Llama-2-70b", Outcome.CREATED),
    )
    document = plan_document(plan, requests=REQUESTS, exit_code=5, files=done)
    assert render_applied(document, Applied(results, REQUESTS)).splitlines() == [
        f"apply {plan.digest[:8]}",
        "  ok      ~ Llama-2-7b                               3 cells",
        "  stale   ! Llama-2-13b                              n_heads moved; not written, run again",
        "  failed  + Llama-2-70b                              the database refused it: \\x1b; not written",
        "  ok      + Llama-2-70b                              created",
        "  failed  + /data/layers/a.json                      layer config a.json: cannot write it: no entry",
        "  ok      + /data/layers/d.json",
        "Applied: 1 added, 1 updated, 1 layer file. Not written: 1 stale, 1 failed. Held: 0. Conflicts: 1.",
    ]


@pytest.mark.parametrize(
    ("value", "as_text"),
    [
        (None, "(empty)"),
        ("", "(empty)"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (-1234567, "-1,234,567"),
        (10000.0, "10,000"),
        (1e-05, "1e-05"),
        (2.6875, "2.6875"),
        ("caf\u00e9\n\x1b[31m\t\u202e\U0001f600", "caf\\xe9\\n\\x1b[31m\\t\\u202e\\U0001f600"),
    ],
    ids=ascii,
)
def test_a_value_is_shown_as_ascii(value: object, as_text: str) -> None:
    assert shown(value) == as_text


def test_nothing_but_printable_ascii_comes_out() -> None:
    wild = "".join(map(chr, [*range(300), 0x2028, 0xD800, 0x1F600]))
    assert escaped(wild).isascii()
    assert escaped(wild).isprintable()
