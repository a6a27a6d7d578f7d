"""Making the table in Notion: `registry init`. Never a second one.

An answer to "make a database" can be lost although the database was made, and Notion cannot tell a request
from its repetition. So what is asked is noted first, looked for on the page afterwards, and asked again only
when the first request can no longer be carried out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry import notion_place
from registry.credentials import REMEMBERED, Place
from registry.notion_changes import (
    Added,
    Known,
    complete,
    database_of,
    every,
    is_trashed,
    known_of,
    look,
    option_notes,
    title_of,
    undecided,
    views,
)
from schemas.errors import BadSettings, BadUsage, NotAuthorised, Refused, RegistryError
from schemas.record import COLUMNS, Kind, ModelRecord
from sync.files import write_atomically
from sync.notion import layout
from sync.notion.answers import Conflicted, Gone, Rejected, Unanswered
from sync.notion.columns import Binding
from sync.notion.journal import Journal
from sync.notion.quarantine import QUARANTINE
from sync.notion.rows import bare_id
from sync.table import BASE

if TYPE_CHECKING:
    from registry.pipeline import World
    from sync.notion.api import Api
    from sync.notion.guard import OwnedOnly

Json = dict[str, Any]
Now = Callable[[], datetime]

ASKED = "notion-asked.json"
"""File in the data folder while it is open whether a table was made: page and title -> time."""
SHARE = "in Notion open the page, then ... > Connections, and add the connection that this token is of"


@contextmanager
def connected(world: "World") -> "Iterator[tuple[Api, Place, OwnedOnly]]":
    """A connection, what the settings name, and the guard that the requests pass.

    The guard lets columns and views be changed inside its `schema_changes()` alone. Raises NotAuthorised
    without a token.
    """
    api, place = notion_place.connected(world)
    with closing(api):
        try:
            yield api, place, api.guard
        except Gone as gone:  # taken away, or no longer shared, between two requests
            raise NotAuthorised(
                "notion: an object that was there is gone", where=str(gone), fix=SHARE
            ) from None
        except Rejected as no:
            fix = "run registry doctor again; what is asked for is in the text"
            raise Refused(f"notion: a request was refused: {no.message}", fix=fix) from None


def utc_now() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wish:
    """The table to make. `page`: id of the page it goes on; `fields`: those with a column.

    `is_any`: no title was asked for, so a table of ours under another one will do.
    """

    page: str
    title: str
    fields: Sequence[str]
    options: layout.Options
    is_any: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """The table, what this run added to it, and what to say. `is_new`: the table itself was made."""

    added: Added
    is_new: bool
    n_columns: int
    notes: Sequence[str] = field(default_factory=list)

    @property
    def source(self) -> Json:
        """The data source as Notion shows it."""
        return self.added.source

    @property
    def anything(self) -> bool:
        return self.is_new or self.added.anything


def wish(page: str, title: str | None, optional: Sequence[str], options: layout.Options) -> Wish:
    """What `init` was asked for. Raises BadUsage for a blank title, or an unknown optional column."""
    if title is None:
        return Wish(page, layout.TITLE, wanted_fields(optional), options, is_any=True)
    if not title.strip():
        raise BadUsage("--title: want a title, got none", fix="leave --title out", wrote="nothing")
    return Wish(page, title.strip(), wanted_fields(optional), options)


def check_none_named(api: "Api", place: Place, home: Path) -> None:
    """Raises Refused where a setting names a table that is there: a second one would never be used."""
    if not place.has_id or place.where == str(home / REMEMBERED):
        return
    source, database = place.data_source_id, place.database_id
    try:
        found = api.get(f"data_sources/{source}" if source else f"databases/{database}")
    except (Gone, Rejected):
        return
    if not found.get("in_trash"):
        raise Refused(
            f"init: {place.where} names a table that is there: {title_of(found)}",
            where=str(found.get("url")),
            fix="registry doctor looks at that one; take the setting away to make another",
            wrote="nothing",
        )


def wanted_fields(optional: Sequence[str]) -> tuple[str, ...]:
    """The fields with a column, these optional ones among them. Raises BadUsage for one that is none."""
    known = [name for name, column in COLUMNS.items() if column.optional]
    if unknown := [name for name in optional if name not in known]:
        what = f"optional columns: no such field: {', '.join(unknown)}"
        raise BadUsage(what, fix=f"choose from {', '.join(known)}", wrote="nothing")
    return layout.wanted(optional)


def options_of(records: Iterable[ModelRecord]) -> dict[str, list[str]]:
    """Field of a select column -> the values these models have, in their order."""
    found: dict[str, dict[str, None]] = {
        name: {} for name, column in COLUMNS.items() if column.kind is Kind.SELECT
    }
    for record in records:
        for name, values in found.items():
            if (value := getattr(record, name)) is not None:
                values[value] = None
    return {name: list(values) for name, values in found.items()}


def init(api: "Api", home: Path, wanted: Wish, now: Now = utc_now) -> Made:
    """The table on that page, made or completed. Run again, it finds what is there and does what is left."""
    found = _remembered(api, home) or _on_page(api, home, wanted, now())
    source = found or _create(api, home, wanted, now())
    remember(home, source)
    known = known_of(api, home, source) if found else Known()
    added = complete(api, source, wanted.fields, wanted.options, known)
    if not found:
        _arrange_first_view(api, source)
    binding = known.bind(added.source)
    remember_columns(home, added.source, binding)
    gaps = layout.missing_options(binding, wanted.options)
    notes = [*binding.warnings, *option_notes(gaps), *_elsewhere(source, wanted)]
    return Made(added, not found, len(binding.columns), notes)


def _arrange_first_view(api: "Api", source: Json) -> None:
    """The view that Notion made with the table shows our columns in our order too."""
    first = next((view for view in views(api, source) if not layout.is_main_view(view)), None)
    if first is None or first.get("type") != "table":
        return
    try:
        api.patch(f"views/{first['id']}", {"configuration": layout.arrangement(Known().bind(source))})
    except (Unanswered, Conflicted, Rejected):  # it is for the eye alone
        return


def _remembered(api: "Api", home: Path) -> Json | None:
    """The table this machine made or adopted; None when there is none, or it is in the trash.

    Raises NotAuthorised when Notion does not show it: it may be there, so none is made beside it.
    """
    known = _read(home / REMEMBERED).get("data_source_id")
    if not known:
        return None
    try:
        source = api.get(f"data_sources/{known}")
    except Gone:
        raise NotAuthorised(
            f"init: the table this machine made ({known}) is gone, or not shared with the connection",
            where=str(home / REMEMBERED),
            fix=f"{SHARE}; to make a new table take that file away",
            wrote="nothing",
        ) from None
    return None if is_trashed(source, database_of(api, source)) else source


def _on_page(api: "Api", home: Path, wanted: Wish, now: datetime) -> Json | None:
    """The table of that title on the page, if it is ours. Raises Refused when it is not, or two are."""
    _check_page(api, wanted.page)
    found = list(_named(api, wanted))
    ours = [source for source in found if _has_key(source)]
    if len(ours) > 1:
        links = ", ".join(str(source.get("url")) for source in ours)
        raise Refused(
            f"init: {len(ours)} tables of the title {wanted.title!r} have a Registry Key: {links}",
            where=wanted.page,
            fix="set NOTION_DATA_SOURCE_ID to the link of the one to use, then registry doctor",
            wrote="nothing",
        )
    if found and not ours:
        raise _not_ours(found[0], wanted)
    if not ours:
        _check_asked(home, wanted, now)
    return next(iter(ours), None)


def _not_ours(source: Json, wanted: Wish) -> Refused:
    return Refused(
        f"init: the page has a table {wanted.title!r} that has no column Registry Key",
        where=str(source.get("url")),
        fix=f"NOTION_DATA_SOURCE_ID={source['id']} registry doctor --fix, then registry adopt, use it;"
        " --title with another name makes one beside it",
        wrote="nothing",
    )


def _check_page(api: "Api", page: str) -> None:
    """Raises NotAuthorised for a page Notion does not show, BadUsage for a table, Refused for the trash."""
    try:
        found = api.get(f"pages/{page}")
    except (Gone, Rejected):  # Rejected: an id of another kind of object
        raise _no_page(api, page) from None
    if found.get("in_trash"):
        fix = "restore it in Notion, or name another page"
        raise Refused(f"--parent: the page {page} is in the trash", fix=fix, wrote="nothing")


def _no_page(api: "Api", page: str) -> NotAuthorised | BadUsage:
    if _is_there(api, f"databases/{page}"):
        fix = "name the page it goes on; to use that table set NOTION_DATABASE_ID, then registry doctor"
        return BadUsage(f"--parent: {page} is a table, not a page", fix=fix, wrote="nothing")
    return NotAuthorised(
        f"--parent: no page {page}, or it is not shared with the connection",
        where="Notion (404 says no more than that)",
        fix=SHARE,
        wrote="nothing",
    )


def _is_there(api: "Api", path: str) -> bool:
    try:
        api.get(path)
    except (Gone, Rejected):
        return False
    return True


def _named(api: "Api", wanted: Wish) -> Iterator[Json]:
    """The data sources of the tables directly on the page: of that title, or, without one, ours of any."""
    for block in every(api, f"blocks/{wanted.page}/children"):
        if block.get("type") != "child_database":
            continue
        is_titled = block["child_database"]["title"] == wanted.title
        if not is_titled and not wanted.is_any:
            continue
        try:
            found = sources_of(api, block["id"])
        except Gone:  # a linked table of elsewhere
            continue
        yield from (source for source in found if is_titled or _is_made_by_us(source))


def _is_made_by_us(source: Json) -> bool:
    return {"key", BASE} <= Known().bind(source).columns.keys()


def sources_of(api: "Api", database_id: str) -> list[Json]:
    """The data sources of a database. Raises Gone for one that is not there or not shared."""
    found = api.get(f"databases/{database_id}")
    return [api.get(f"data_sources/{one['id']}") for one in found["data_sources"]]


def _has_key(source: Json) -> bool:
    return "key" in Known().bind(source).columns


def _create(api: "Api", home: Path, wanted: Wish, now: datetime) -> Json:
    """The new table, or the one that an unanswered request made."""
    _note_asked(home, wanted, now)
    try:
        made: Json | None = api.create("databases", _request(wanted))
    except Unanswered as lost:
        made = {"id": lost.committed_id} if lost.committed_id else None
    except RegistryError:  # it was not carried out
        _note_asked(home, wanted, None)
        raise
    except Rejected as no:
        _note_asked(home, wanted, None)
        fix = "name another page, or make the table in Notion and set NOTION_DATABASE_ID"
        raise Refused(f"init: Notion refused the table: {no.message}", fix=fix, wrote="nothing") from None
    source = look(api, lambda: _made(api, made, wanted))
    if source is None:
        raise undecided(f"the table {wanted.title!r}", wanted.page)
    _note_asked(home, wanted, None)
    return source


def _made(api: "Api", made: Json | None, wanted: Wish) -> Json | None:
    """The data source of the database that was answered, or of the one found on the page."""
    try:
        found = sources_of(api, made["id"]) if made else list(_named(api, wanted))
    except Gone:
        return None
    return next((source for source in found if _has_key(source)), None)


def _request(wanted: Wish) -> Json:
    return {
        "parent": {"type": "page_id", "page_id": wanted.page},
        "title": [{"text": {"content": wanted.title}}],
        "description": [{"text": {"content": layout.ABOUT}}],
        "initial_data_source": {"properties": layout.columns(wanted.fields, wanted.options)},
    }


def _check_asked(home: Path, wanted: Wish, now: datetime) -> None:
    """Raises GaveUp while an earlier run's unanswered request for this table may yet be carried out."""
    sent_at = _read(home / ASKED).get(_name_of(wanted))
    if not sent_at:
        return
    try:
        settled = datetime.fromisoformat(sent_at) + QUARANTINE
    except (ValueError, TypeError):
        raise _damaged(home / ASKED, f"want a time, got {sent_at!r}") from None
    if now < settled:
        raise undecided(f"the table {wanted.title!r}", wanted.page)


def _note_asked(home: Path, wanted: Wish, now: datetime | None) -> None:
    """Keeps when a table was asked for; None: it is decided whether it was made."""
    path = home / ASKED
    asked = {name: sent_at for name, sent_at in _read(path).items() if name != _name_of(wanted)}
    if now:
        asked[_name_of(wanted)] = now.isoformat()
    if asked:
        _write(path, asked)
    else:
        path.unlink(missing_ok=True)


def _name_of(wanted: Wish) -> str:
    return f"{wanted.page} {wanted.title}"


def _elsewhere(source: Json, wanted: Wish) -> list[str]:
    """What to say when the table this machine remembers is not where it was asked for."""
    said = []
    page = source.get("database_parent", {}).get("page_id")
    if page and page != wanted.page:
        said.append(f"the table is on another page ({page}): one table per data folder is made")
    if title_of(source) != wanted.title:
        said.append(f"the table is called {title_of(source)!r}")
    return said


def remember(home: Path, source: Json) -> None:
    """Keeps which table this machine uses."""
    remember_place(home, source["id"], source["parent"]["database_id"], source.get("url"), title_of(source))


def remember_place(home: Path, source_id: str, database_id: str | None, url: str | None, title: str) -> None:
    """Keeps which table this machine uses, so that no setting has to name it."""
    content = {"data_source_id": source_id, "database_id": database_id, "url": url, "title": title}
    if content != _read(home / REMEMBERED):
        _write(home / REMEMBERED, content)


def remember_columns(home: Path, source: Json, binding: Binding) -> None:
    """Keeps under which property ids the columns are, so that one renamed tomorrow is not made anew."""
    journal = Journal(home, bare_id(source["id"]))
    journal.state.columns.update({name: (one.id, one.name) for name, one in binding.columns.items()})
    journal.save()


def _read(path: Path) -> Json:
    """A JSON object of ours, empty without a file. Raises BadSettings for a damaged one."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    return found if isinstance(found, dict) else {}


def _damaged(path: Path, said: str) -> BadSettings:
    fix = "take it away: registry init finds the table on its page again"
    return BadSettings(f"notion: cannot read {path.name}: {said}", where=str(path), fix=fix, wrote="nothing")


def _write(path: Path, content: Json) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        what = f"notion: cannot write {path.name}: {error.strerror or error}"
        fix = "set REGISTRY_HOME to a writable folder"
        raise BadSettings(what, where=str(path), fix=fix) from None
