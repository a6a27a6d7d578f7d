"""Making the table in Notion: one table whatever happens, whole whatever was there."""

import json

import pytest

from registry import notion_setup
from registry.notion_setup import ASKED
from schemas.errors import BadSettings, BadUsage, GaveUp, NotAuthorised, Refused
from schemas.record import COLUMNS
from sync.base import Agreed, format_base
from sync.notion import layout
from sync.notion.columns import OWNED
from tests.notion_emulator import outcomes
from tests.notion_emulator.wire import Request
from tests.registry.notion_page import OPTIONS, Workspace

MAKE = {"method": "POST", "path": "/v1/databases"}
MAKE_VIEW = {"method": "POST", "path": "/v1/views"}
REQUESTS = 14
"""Of a first run on an empty page."""
CHANGE = {"method": "PATCH", "path": "/v1/data_sources/{id}"}


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "home")


def test_the_table_has_every_column_with_type_format_options_and_description(workspace):
    made = workspace.init()
    assert (made.is_new, made.n_columns) == (True, len(layout.wanted()))
    by_name = {column.name: column for column in workspace.source.properties.values()}
    for field in layout.wanted():
        column = by_name.pop(OWNED[field].name)
        asked = layout.column(field, OPTIONS)
        assert column.type == asked["type"]
        assert column.description == asked.get("description")
        assert column.config.get("format") == asked[column.type].get("format")
    assert by_name == {}
    assert workspace.options_of("Model Family") == ["llama2", "llama3_1"]


def test_the_view_main_is_filtered_sorted_and_arranged(workspace):
    workspace.init()
    first, main = workspace.views
    ids = {column.name: column.id for column in workspace.source.properties.values()}
    assert (first.name, main.name) == ("Default view", "Main")
    assert main.filter == {"property": ids["Main"], "checkbox": {"equals": True}}
    assert main.sorts == [{"property": "title", "direction": "ascending"}]
    shown = [one["property_id"] for one in main.configuration["properties"]]
    assert shown[0] == "title"
    assert len(shown) == len(layout.wanted())
    assert first.configuration["properties"] == main.configuration["properties"]


def test_an_optional_column_is_made_when_it_is_asked_for(workspace):
    workspace.init(optional=("n_params",))
    assert "Parameters" in workspace.names()
    assert "Attention" not in workspace.names()


def test_an_optional_column_that_is_none_is_refused(workspace):
    with pytest.raises(BadUsage, match="optional columns: no such field: d_ff"):
        workspace.init(optional=("d_ff",))
    assert workspace.writes() == []


def test_a_second_run_finds_nothing_to_do(workspace):
    workspace.init()
    before = workspace.writes()
    made = workspace.init()
    assert (made.is_new, made.anything, made.notes) == (False, False, [])
    assert workspace.writes() == before


def test_another_machine_finds_the_table_on_the_page(workspace, tmp_path):
    workspace.init()
    made = workspace.init(home=tmp_path / "other")
    assert (made.is_new, made.anything) == (False, False)
    assert len(workspace.databases) == 1
    kept = json.loads((tmp_path / "other" / "notion.json").read_text("utf-8"))
    assert kept == {
        "data_source_id": workspace.source.id,
        "database_id": workspace.databases[0],
        "url": made.source["url"],
        "title": "LLM config table",
    }


LOST = {
    "dropped": outcomes.commit_then_drop(),
    "502": outcomes.commit_then_status(502),
    "cut": outcomes.commit_then_cut(),
    "saved 503 with id": outcomes.saved_503(with_id=True),
    "saved 503": outcomes.saved_503(with_id=False),
    "late": outcomes.commit_late(40),
    "hung": outcomes.hang(commits=True),
    "409": outcomes.commit_then_status(409, "conflict_error"),
}


@pytest.mark.parametrize("outcome", LOST.values(), ids=LOST)
def test_a_lost_answer_makes_one_table(workspace, outcome):
    workspace.emulator.faults.add(outcome, **MAKE)
    assert workspace.init().is_new
    assert len(workspace.databases) == 1
    assert workspace.writes().count("POST /v1/databases") == 1
    assert not (workspace.home / ASKED).exists()
    assert not workspace.init().anything


@pytest.mark.parametrize("outcome", LOST.values(), ids=LOST)
def test_a_lost_answer_makes_one_view(workspace, outcome):
    workspace.emulator.faults.add(outcome, **MAKE_VIEW)
    workspace.init()
    assert [view.name for view in workspace.views].count("Main") == 1
    assert not workspace.init().anything
    assert [view.name for view in workspace.views].count("Main") == 1


def test_a_request_that_may_still_be_carried_out_is_not_repeated(workspace):
    workspace.emulator.faults.add(outcomes.commit_late(150), **MAKE)
    with pytest.raises(GaveUp) as gave_up:
        workspace.init()
    assert str(gave_up.value) == (
        "notion: the answer to making the table 'LLM config table' was lost, and it cannot be seen so far\n"
        f"  from  {workspace.page}\n"
        "  fix   run it again in 4 minutes: it finds what was made, or makes it\n"
        "  wrote not known"
    )
    with pytest.raises(GaveUp):
        workspace.init()
    workspace.emulator.clock.sleep(150)
    assert not workspace.init().is_new
    assert workspace.writes().count("POST /v1/databases") == 1
    assert len(workspace.databases) == 1


def test_a_request_that_was_never_carried_out_is_made_again_when_it_cannot_be_any_more(workspace):
    workspace.emulator.faults.add(outcomes.drop(), **MAKE)
    with pytest.raises(GaveUp):
        workspace.init()
    assert workspace.databases == []
    workspace.emulator.clock.sleep(210)
    assert workspace.init().is_new
    assert len(workspace.databases) == 1


def test_a_request_for_another_page_does_not_make_this_one_forgotten(workspace):
    workspace.emulator.faults.add(outcomes.commit_late(150), **MAKE)
    with pytest.raises(GaveUp):
        workspace.init()
    other = workspace.emulator.top_page("Other").id
    workspace.init(page=other, title="Another")
    (workspace.home / "notion.json").unlink()
    with pytest.raises(GaveUp):
        workspace.init()


def test_a_damaged_note_of_what_was_asked_is_no_crash(workspace):
    workspace.home.mkdir()
    (workspace.home / ASKED).write_text(json.dumps({f"{workspace.page} LLM config table": 5}), "utf-8")
    with pytest.raises(BadSettings, match="want a time, got 5"):
        workspace.init()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("n", range(1, REQUESTS + 1))
def test_a_run_that_is_killed_anywhere_is_completed_by_the_next(workspace, n):
    def kill():
        raise Killed

    workspace.emulator.faults.after(kill, nth=n)
    with pytest.raises(Killed):
        workspace.init()
    workspace.emulator.faults.stop()
    workspace.emulator.clock.sleep(210)
    workspace.init()
    assert len(workspace.databases) == 1
    assert workspace.names() == {OWNED[field].name for field in layout.wanted()}
    assert sorted(view.name for view in workspace.views) == ["Default view", "Main"]
    assert not workspace.init().anything


def test_a_first_run_is_as_many_requests(workspace):
    workspace.init()
    assert len(workspace.emulator.log.entries) == REQUESTS


def test_a_half_made_table_is_completed(workspace):
    workspace.init()
    for name in ("d_ff", "Main", "Registry Base"):
        workspace.person.delete_column(workspace.source.id, name)
    workspace.person.delete_option(workspace.source.id, "Model Family", "llama2")
    (main,) = [view.id for view in workspace.views if view.name == "Main"]
    del workspace.emulator.ws.views[main]
    made = workspace.init()
    assert made.added.columns == ["d_ff", "Main", "Registry Base"]
    assert made.added.options == {"Model Family": ["llama2"]}
    assert made.added.view
    assert not workspace.init().anything


def test_what_people_added_stays(workspace):
    workspace.init()
    workspace.person.add_column(workspace.source.id, "Mine", "number")
    workspace.person.add_option(workspace.source.id, "Model Family", "my family", "red")
    workspace.person.recolour_option(workspace.source.id, "Model Family", "llama2", "green")
    workspace.person.delete_option(workspace.source.id, "Model Family", "llama3_1")
    before = {
        one["name"]: one
        for one in workspace.person.column(workspace.source.id, "Model Family").config["options"]
    }
    workspace.init()
    after = {
        one["name"]: one
        for one in workspace.person.column(workspace.source.id, "Model Family").config["options"]
    }
    assert "Mine" in workspace.names()
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"llama3_1"}


def test_a_renamed_column_is_not_made_anew(workspace):
    workspace.init()
    workspace.person.rename_column(workspace.source.id, "d_ff", "Hidden width")
    workspace.person.rename_column(workspace.source.id, "Model Name", "Name")
    made = workspace.init()
    assert not made.anything
    assert made.notes == ['column "d_ff" was renamed to "Hidden width": followed']


def test_another_machine_knows_a_renamed_column_by_the_bases_of_the_rows(workspace, tmp_path):
    made = workspace.init()
    shown = made.source["properties"]["d_ff"]["id"]
    base = format_base({"d_ff": Agreed(shown, "1f2e3d4c")})
    workspace.person.add_row(workspace.source.id, {"Registry Key": "k", "Registry Base": base})
    workspace.person.rename_column(workspace.source.id, "d_ff", "Hidden width")
    assert not workspace.init(home=tmp_path / "other").anything


def test_a_change_that_notion_does_not_show_is_not_believed(workspace):
    workspace.init()
    workspace.person.delete_column(workspace.source.id, "d_ff")
    look = Request("GET", f"/v1/data_sources/{workspace.source.id}", [], {}, b"")
    answers_as_if = outcomes.Outcome("nothing", lambda *_: workspace.emulator.unwatched(look))
    workspace.emulator.faults.add(answers_as_if, **CHANGE, times=None)
    with pytest.raises(GaveUp, match="d_ff: sent 3 times, and Notion does not show it"):
        workspace.init()


@pytest.mark.parametrize("outcome", [outcomes.drop(), outcomes.commit_then_drop(), outcomes.reject(409)])
def test_a_change_whose_answer_is_lost_is_made_all_the_same(workspace, outcome):
    workspace.init()
    workspace.person.delete_column(workspace.source.id, "d_ff")
    workspace.emulator.faults.add(outcome, **CHANGE)
    assert workspace.init().added.columns == ["d_ff"]
    assert "d_ff" in workspace.names()


def test_options_past_a_hundred_are_left_out_and_said(workspace):
    families = [f"family {n}" for n in range(130)]
    made = workspace.init(options={"model_family": families})
    assert workspace.options_of("Model Family") == families[:100]
    assert made.notes == [
        "Model Family: 30 options cannot be added from here: family 100, family 101, family 102, family 103, "
        "family 104, ..."
    ]
    assert not workspace.init(options={"model_family": families}).anything


def test_a_page_that_is_not_shared_is_said_with_how_to_share_it(workspace):
    workspace.emulator.unshare(workspace.page)
    with pytest.raises(NotAuthorised) as refused:
        workspace.init()
    assert str(refused.value) == (
        f"--parent: no page {workspace.page}, or it is not shared with the connection\n"
        "  from  Notion (404 says no more than that)\n"
        "  fix   in Notion open the page, then ... > Connections, and add the connection"
        " that this token is of\n"
        "  wrote nothing"
    )


def test_a_table_is_no_page(workspace):
    workspace.init()
    with pytest.raises(BadUsage, match="is a table, not a page"):
        workspace.init(page=workspace.databases[0], home=workspace.home / "other")


def test_a_page_in_the_trash_is_refused(workspace):
    page = workspace.emulator.top_page("Old")
    page.in_trash = True
    with pytest.raises(Refused, match="is in the trash"):
        workspace.init(page=page.id)


def test_a_table_of_that_title_that_people_made_gets_no_second_one_beside_it(workspace):
    title = [{"text": {"content": "LLM config table"}}]
    body = {"parent": {"type": "page_id", "page_id": workspace.page}, "title": title}
    with workspace.guard.schema_changes():
        workspace.api.create("databases", body)
    with pytest.raises(Refused) as refused:
        workspace.init()
    assert "has a table 'LLM config table' that has no column Registry Key" in str(refused.value)
    assert f"NOTION_DATA_SOURCE_ID={workspace.source.id} registry doctor --fix" in str(refused.value)
    assert len(workspace.databases) == 1


def test_a_page_with_two_of_ours_needs_a_person(workspace, tmp_path):
    workspace.init()
    second = workspace.emulator.top_page("Second").id
    workspace.init(page=second, home=tmp_path / "second")
    workspace.person.move_database(workspace.databases[1], workspace.page)
    with pytest.raises(Refused, match="2 tables of the title 'LLM config table' have a Registry Key"):
        workspace.init(home=tmp_path / "third")


def test_a_remembered_table_that_notion_does_not_show_is_not_replaced(workspace):
    workspace.init()
    workspace.emulator.unshare(workspace.databases[0])
    with pytest.raises(NotAuthorised, match="is gone, or not shared"):
        workspace.init()
    assert len(workspace.databases) == 1


def test_a_table_in_the_trash_is_replaced(workspace):
    workspace.init()
    workspace.person.trash_database(workspace.databases[0])
    assert workspace.init().is_new
    assert len(workspace.databases) == 1


def test_a_table_that_was_moved_and_renamed_is_still_the_one(workspace):
    workspace.init()
    elsewhere = workspace.emulator.top_page("Elsewhere").id
    workspace.person.move_database(workspace.databases[0], elsewhere)
    made = workspace.init()
    assert not made.anything
    assert made.notes == [f"the table is on another page ({elsewhere}): one table per data folder is made"]


def test_a_table_further_down_a_long_page_is_found(workspace, tmp_path):
    children = [{"paragraph": {"rich_text": [{"text": {"content": f"note {n}"}}]}} for n in range(65)]
    for _ in range(2):
        body = json.dumps({"children": children}).encode()
        workspace.emulator.unwatched(Request("PATCH", f"/v1/blocks/{workspace.page}/children", body=body))
    workspace.init()
    assert not workspace.init(home=tmp_path / "other").is_new


def test_the_options_are_the_values_that_models_have(workspace):
    from tests.registry.settled import catalogue

    records = [model.record for model in catalogue().values()]
    options = notion_setup.options_of(records)
    assert set(options) == {name for name, column in COLUMNS.items() if column.kind == "select"}
    for name, values in options.items():
        assert len(values) == len(set(values)) > 0
        assert set(values) == {getattr(record, name) for record in records} - {None}
    assert options["model_type"] == ["base", "chat", "instruct", "safety"]
