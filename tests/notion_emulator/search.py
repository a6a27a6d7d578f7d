"""POST /v1/search: pages and data sources found by their titles.

Observed (recorded): one word in common is enough, whole words without regard to case and plural; what was
edited last comes first, in every recording; a new object is found some time after its creation and a deleted
one still for a while (knob `search_lag_s`). Documented, not observed: `in_trash`. Assumed: `relevance` orders
by the number of words in common.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.notion_emulator import data_sources, pages, paging, problems, rich_text
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import DataSource, Json, Node, Page, RichText, Workspace

FIELDS = ("query", "filter", "sort", "start_cursor", "page_size")
OBJECTS = ("page", "data_source")
SORTED_BY_TIME = 'body.sort.timestamp should be "last_edited_time" when sorting by timestamp.'

Found = Page | DataSource


@route("POST", "/v1/search")
def search(call: Call) -> Json:
    """One page of what is found (observed: recorded)."""
    problems.refuse_unknown(call.body, FIELDS)
    _check(call.body)
    session, start = paging.session_for(call, lambda: ([one.id for one in _found(call)], False))
    ids, next_cursor = paging.session_page(call, session, start)
    objects = (call.ws.pages.get(one) or call.ws.data_sources.get(one) for one in ids)
    return paging.envelope(
        [_rendered(call, one) for one in objects if one], next_cursor, "page_or_data_source"
    )


def _rendered(call: Call, found: Found) -> Json:
    if isinstance(found, Page):
        return pages.rendered(call, found)
    return data_sources.rendered(call, found)


def _check(body: Json) -> None:
    if not isinstance(body.get("query", ""), str):
        raise problems.should_be("body.query", "a string or `undefined`", body["query"])
    _check_filter(body.get("filter", {"in_trash": False}))
    _check_sort(body.get("sort", {"property": "relevance"}))


def _check_filter(asked: Any) -> None:
    place = "body.filter"
    if not isinstance(asked, dict):
        raise problems.should_be(place, "an object or `undefined`", asked)
    problems.refuse_unknown(asked, ("property", "value", "in_trash"), place)
    if "in_trash" in asked and not isinstance(asked["in_trash"], bool):
        raise problems.should_be(f"{place}.in_trash", "a boolean or `undefined`", asked["in_trash"])
    if set(asked) == {"in_trash"}:
        return
    if asked.get("value") not in OBJECTS:
        got = asked.get("value", problems.UNDEFINED)
        raise problems.should_be(f"{place}.value", '`"page"` or `"data_source"`', got)
    if asked.get("property") != "object":
        raise problems.should_be(f"{place}.property", '`"object"`', asked.get("property", problems.UNDEFINED))


def _check_sort(asked: Any) -> None:
    """The text about the timestamp is observed: reported in a public thread."""
    place = "body.sort"
    if not isinstance(asked, dict):
        raise problems.should_be(place, "an object or `undefined`", asked)
    problems.refuse_unknown(asked, ("property", "timestamp", "direction"), place)
    if asked == {"property": "relevance"}:
        return
    if asked.get("timestamp") != "last_edited_time":
        raise problems.validation(SORTED_BY_TIME)
    if asked.get("direction") not in ("ascending", "descending"):
        got = asked.get("direction", problems.UNDEFINED)
        raise problems.should_be(f"{place}.direction", '`"ascending"` or `"descending"`', got)


def _found(call: Call) -> list[Found]:
    """Everything that matches, in order."""
    asked = words(call.body.get("query", ""))
    common = {one.id: len(asked & words(_title(one))) for one in _findable(call)}
    found = [one for one in _findable(call) if common[one.id] or not asked]
    sort = call.body.get("sort", {})
    found.sort(key=lambda one: (one.last_edited_time, one.seq), reverse=sort.get("direction") != "ascending")
    if sort.get("property") == "relevance":
        found.sort(key=lambda one: -common[one.id])
    return found


def words(text: str) -> set[str]:
    """The words of a title or question, without the s of a plural."""
    return {word.removesuffix("s") or word for word in re.findall(r"\w+", text.casefold())}


def _findable(call: Call) -> list[Found]:
    asked = call.body.get("filter", {})
    wanted = asked.get("value")
    found: list[Found] = []
    if wanted != "data_source":
        seen = (call.ws.indexed(page_id, call.now) for page_id in call.ws.pages)
        found += [page for page in seen if page]
    if wanted != "page":
        found += call.ws.data_sources.values()
    in_trash = asked.get("in_trash", False)
    return [one for one in found if _is_listed(call, one, in_trash) and _is_shared(call.ws, one)]


def _is_listed(call: Call, one: Found, in_trash: bool) -> bool:
    """Whether search has it among the live objects, or in the trash, as far as it knows by now."""
    lag = timedelta(seconds=call.ws.knobs.search_lag_s)
    if one.created_time + lag > call.now:
        return False
    return _is_trashed(call, one, lag) == in_trash


def _is_trashed(call: Call, one: Found, lag: timedelta) -> bool:
    """Whether it, or a data source's database, went to the trash so long ago that search knows.

    A database keeps no time of that (observed: recorded), so search knows at once.
    """
    database = call.ws.databases.get(one.parent.get("database_id", ""))
    trashed = [node for node in (one, database) if node is not None and node.in_trash]
    return (
        any(node.last_edited_time + lag <= call.now for node in trashed) and one.id not in call.ws.still_found
    )


def _is_shared(ws: Workspace, node: Node | None) -> bool:
    """Whether neither it nor anything above it is withheld from the bot."""
    while node is not None:
        if node.id in ws.unshared:
            return False
        node = _above(ws, node)
    return True


def _above(ws: Workspace, node: Node) -> Node | None:
    kinds: Mapping[str, Mapping[str, Node]] = {
        "page_id": ws.pages,
        "data_source_id": ws.data_sources,
        "database_id": ws.databases,
        "block_id": ws.blocks,
    }
    kind = node.parent["type"]
    return kinds[kind].get(node.parent[kind]) if kind in kinds else None


def _title(one: Found) -> str:
    title: RichText = one.title if isinstance(one, DataSource) else one.properties.get("title") or []
    return rich_text.plain(title)
