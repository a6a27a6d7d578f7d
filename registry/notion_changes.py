"""Changes to the layout of a table in Notion: columns, options and the view Main are added, nothing else.

A change of columns is believed when it is read back. A view has no key and its name is not unique, so after a
lost answer it is looked for, and never asked for twice in one run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.errors import GaveUp, Refused
from sync.notion import columns, layout
from sync.notion.answers import Conflicted, Gone, Rejected, Unanswered
from sync.notion.cells import plain_text
from sync.notion.columns import OWNED, Binding
from sync.notion.journal import Journal
from sync.notion.quarantine import QUARANTINE
from sync.notion.rows import bare_id, base_texts
from sync.table import BASE

if TYPE_CHECKING:
    from sync.notion.api import Api

Json = dict[str, Any]
T = TypeVar("T")

LOOKS_S = (0, 1, 2, 4, 8, 15, 30)
"""Pauses between looking for what an unanswered request may have made: Notion gives a request up at 60 s."""
TRIES = 3
"""How often a change of columns is sent until it is read back."""
N_BASES = 10
"""Rows whose bases are asked which property id a field was written under."""


@dataclass(frozen=True, slots=True)
class Known:
    """What tells a renamed column from a new one: pins, this machine's memory, the bases of rows."""

    pinned: Mapping[str, str] = field(default_factory=dict)
    remembered: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    agreed: Mapping[str, str] = field(default_factory=dict)

    def bind(self, source: Json) -> Binding:
        """Fields to the columns of a data source."""
        there = columns.properties(source)
        return columns.bind(there, pinned=self.pinned, remembered=self.remembered, agreed=self.agreed)

    def shown(self, source: Json, name: str) -> Json:
        """The column that a field would be bound to, whatever its type. Raises StopIteration without one."""
        remembered = self.remembered.get(name, ("", ""))[0]
        said = (self.pinned.get(name), remembered, self.agreed.get(name), OWNED[name].name)
        there = source["properties"].values()
        return next(shown for wanted in said for shown in there if wanted in (shown["id"], shown["name"]))


@dataclass(slots=True)
class Added:
    """A table, and what this run added to it: names of columns, options by column, the view."""

    source: Json
    columns: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    view: bool = False

    @property
    def anything(self) -> bool:
        return bool(self.columns or self.options or self.view)


def known_of(api: "Api", home: Path, source: Json, pinned: Mapping[str, str] | None = None) -> Known:
    """What is known of a table's columns. Asks the table for some rows' bases."""
    remembered = Journal(home, bare_id(source["id"])).state.columns
    known = Known(pinned or {}, remembered)
    base = known.bind(source).columns.get(BASE)
    if base is None:
        return known
    body = {"page_size": N_BASES, "filter": {"property": base.id, "rich_text": {"is_not_empty": True}}}
    rows = api.query(source["id"], body)["results"]
    return Known(known.pinned, remembered, columns.agreed_ids(base_texts(rows, base)))


def complete(api: "Api", source: Json, fields: Sequence[str], options: layout.Options, known: Known) -> Added:
    """The table with the columns, options and view it lacked. Takes nothing away, changes nothing."""
    first = known.bind(source)
    lacking = layout.addable(source, first, fields)
    gaps = layout.missing_options(first, options)

    def new_columns(now: Json) -> Json:
        return layout.columns(layout.addable(now, known.bind(now), fields), options)

    def new_options(now: Json) -> Json:
        return layout.new_options(now, known.bind(now), options)

    source = _change(api, source, new_columns)
    source = _change(api, source, new_options)
    view = add_view(api, source, known.bind(source))
    return Added(
        source,
        [OWNED[name].name for name in lacking],
        {OWNED[name].name: fit.add for name, fit in gaps.items() if fit.add},
        view,
    )


def _change(api: "Api", source: Json, lacking: Callable[[Json], Json]) -> Json:
    """The data source once nothing is lacking: a change is sent until a new reading shows it.

    What is sent is worked out from the newest reading, so nothing a person added meanwhile is undone.
    """
    for _ in range(TRIES):
        properties = lacking(source)
        if not properties:
            return source
        _send(api, source, properties)
        source = api.get(f"data_sources/{source['id']}")
    if properties := lacking(source):
        raise GaveUp(
            f"notion: {', '.join(properties)}: sent {TRIES} times, and Notion does not show it",
            where=str(source.get("url")),
            fix="run again in some minutes; registry doctor shows what is there",
        )
    return source


def _send(api: "Api", source: Json, properties: Json) -> None:
    try:
        api.patch(f"data_sources/{source['id']}", {"properties": properties})
    except (Unanswered, Conflicted):  # the next reading tells
        api.gate.rest(1)
    except Rejected as no:
        raise Refused(
            f"notion: the columns were refused: {no.message}",
            where=str(source.get("url")),
            fix="add in Notion what registry doctor lists",
            wrote="none of these columns",
        ) from None


def add_view(api: "Api", source: Json, binding: Binding) -> bool:
    """Makes the view Main where there is none of that name and there is a column Main; whether it did."""
    if "main" not in binding.columns or find_view(api, source):
        return False
    try:
        api.create("views", layout.main_view(source, binding))
    except Unanswered:  # looked for below, never sent again
        api.gate.rest(1)
    except Rejected as no:
        raise Refused(
            f"notion: the view {layout.VIEW} was refused: {no.message}",
            where=str(source.get("url")),
            fix=f"make a view {layout.VIEW} in Notion, filtered on the checkbox Main",
            wrote="the table and its columns",
        ) from None
    if not look(api, lambda: find_view(api, source)):
        raise undecided(f"the view {layout.VIEW}", str(source.get("url")))
    return True


def find_view(api: "Api", source: Json) -> Json | None:
    """The view called Main of this data source. Names are only in the views themselves: one request each."""
    return next((view for view in views(api, source) if layout.is_main_view(view)), None)


def views(api: "Api", source: Json) -> Iterator[Json]:
    """The views of this data source, each asked for when it is its turn."""
    for listed in every(api, "views", database_id=source["parent"]["database_id"]):
        try:
            view = api.get(f"views/{listed['id']}")
        except Gone:  # taken away since it was listed
            continue
        if view.get("data_source_id") == source["id"]:
            yield view


def look(api: "Api", find: Callable[[], T | None]) -> T | None:
    """What `find` finds, looking again for as long as Notion may still be making it."""
    for pause in LOOKS_S:
        api.gate.rest(pause)
        if found := find():
            return found
    return None


def undecided(what: str, where: str) -> GaveUp:
    """What is raised while it is open whether something was made."""
    minutes = -(-QUARANTINE // timedelta(minutes=1))
    return GaveUp(
        f"notion: the answer to making {what} was lost, and it cannot be seen so far",
        where=where,
        fix=f"run it again in {minutes} minutes: it finds what was made, or makes it",
        wrote="not known",
    )


def every(api: "Api", path: str, **query: str) -> Iterator[Json]:
    """Every object of a listing. Raises GaveUp for one that does not go on."""
    seen: set[str] = set()
    page = api.get(path, page_size="100", **query)
    while True:
        yield from page["results"]
        if not page.get("has_more"):
            return
        cursor = page.get("next_cursor")
        if not cursor or cursor in seen:
            raise GaveUp(f"notion: {path}: the listing does not go on", fix="run again", wrote="nothing")
        seen.add(cursor)
        page = api.get(path, page_size="100", start_cursor=cursor, **query)


def option_notes(gaps: Mapping[str, layout.Fitting]) -> list[str]:
    """Sentences on the options that are not added, for a person to settle."""
    said = []
    for name, fit in gaps.items():
        column = OWNED[name].name
        said += [f'{column}: rename the option "{there}" to "{new}"' for new, there in fit.twins.items()]
        if fit.left_out:
            shown = ", ".join(fit.left_out[:5]) + (", ..." if len(fit.left_out) > 5 else "")
            said.append(f"{column}: {len(fit.left_out)} options cannot be added from here: {shown}")
    return said


def database_of(api: "Api", source: Json) -> Json:
    """The database a data source is in, as far as it is shown to the connection."""
    try:
        return api.get(f"databases/{source['parent']['database_id']}")
    except Gone:
        return {}


def is_trashed(source: Json, database: Json) -> bool:
    """Whether a table is in the trash: by itself, or because its database is."""
    return bool(source.get("in_trash") or database.get("in_trash"))


def title_of(source: Json) -> str:
    """The table's title as plain text."""
    return plain_text(source.get("title") or []) or "untitled"
