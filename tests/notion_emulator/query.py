"""POST /v1/data_sources/{data_source_id}/query: the rows of a data source, filtered and in order.

Queries see the index, which may lag behind the workspace (knob `lag_s`). The order is worked out once, for
the first page; its cursors lead back to it.
"""

from collections.abc import Iterable
from typing import Any

from tests.notion_emulator import data_sources, filters, pages, paging, problems, sorts
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import DataSource, Json, Page

FIELDS = ("filter", "sorts", "start_cursor", "page_size", "result_type", "is_archived", "in_trash")
OLDER_FIELDS = (*FIELDS, "archived")
RESULT_TYPES = ("page", "data_source")
INCOMPLETE: Json = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}


@route("POST", "/v1/data_sources/{data_source_id}/query")
def query_data_source(call: Call) -> Json:
    """One page of rows (observed: recorded)."""
    source = data_sources.shared_or_404(call, call.ids["data_source_id"])
    _check_body(call)
    session, start = paging.session_for(call, lambda: _capped(call, source))
    ids, next_cursor = paging.session_page(call, session, start)
    wanted = pages.asked_properties(call)
    rows = live_rows(call, ids)
    answer = paging.envelope(
        [pages.rendered(call, row, wanted) for row in rows], next_cursor, "page_or_data_source"
    )
    if session.capped:
        answer["request_status"] = dict(INCOMPLETE)
    return answer


def _check_body(call: Call) -> None:
    """`in_trash` and `archived` are allowed and do nothing: rows in the trash never show (documented)."""
    problems.refuse_unknown(call.body, OLDER_FIELDS if call.says_archived else FIELDS)
    for name in ("is_archived", "in_trash", "archived"):
        _check_boolean(call.body, name)
    for name, want in (("filter", "an object"), ("sorts", "an array")):
        if name in call.body and call.body[name] is None:
            raise problems.should_be(f"body.{name}", f"{want} or `undefined`", None)
    wanted = call.body.get("result_type", "page")
    if wanted not in RESULT_TYPES:
        raise problems.should_be("body.result_type", '`"page"`, `"data_source"`, or `undefined`', wanted)
    paging.page_size(call, "body")


def _check_boolean(body: Json, name: str) -> None:
    if name in body and not isinstance(body[name], bool):
        raise problems.should_be(f"body.{name}", "a boolean or `undefined`", body[name])


def _capped(call: Call, source: DataSource) -> tuple[list[str], bool]:
    """The ids of at most `cap` rows, and whether there were more (documented, not observed)."""
    body = call.body
    found = matching(call, source, body.get("filter"), body.get("sorts"), body.get("is_archived", False))
    ids = [row.id for row in found]
    if body.get("result_type") == "data_source":
        ids = []  # only wikis hold data sources
    cap = call.ws.knobs.cap
    return ids[:cap], len(ids) > cap


def matching(
    call: Call, source: DataSource, asked_filter: Any, asked_sorts: Any, archived: bool = False
) -> list[Page]:
    """The rows out of the trash that pass the filter, in order (newest created first: observed, recorded)."""
    passes = filters.compiled(call, source, asked_filter, "body.filter")
    order = sorts.compiled(call, source, asked_sorts)
    rows = live_rows(call, reversed(call.ws.rows.get(source.id, [])))
    return order([row for row in rows if row.is_archived == archived and passes(row)])


def live_rows(call: Call, ids: Iterable[str]) -> list[Page]:
    """Those of the rows that are shared and out of the trash, as queries see them now."""
    seen = (call.ws.indexed(row_id, call.now) for row_id in ids if row_id not in call.ws.unshared)
    return [row for row in seen if row is not None and not row.in_trash]
