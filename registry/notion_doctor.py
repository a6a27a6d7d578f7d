"""What is well with the table in Notion and what is not: `registry doctor`. Each finding with its fix."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.credentials import Place
from registry.notion_changes import (
    Added,
    Known,
    complete,
    database_of,
    find_view,
    is_trashed,
    known_of,
    title_of,
)
from registry.notion_setup import SHARE, remember_columns, sources_of
from schemas.errors import NotAuthorised
from schemas.record import Own
from sync.notion import layout
from sync.notion.answers import Gone, Rejected
from sync.notion.cells import usable_types
from sync.notion.columns import OWNED, Binding
from sync.notion.journal import Journal
from sync.notion.rows import bare_id

if TYPE_CHECKING:
    from sync.notion.api import Api

Json = dict[str, Any]

MACHINE = tuple(name for name, column in OWNED.items() if column.own is Own.MACHINE)
"""The two Registry columns."""
BY_FIX = "registry doctor --fix adds it"
AFTER_ADOPTION = "registry adopt knows columns of another name by their values; after it --fix adds the rest"
PERSON_NEEDED = 5
NO_ACCESS = 6


class State(StrEnum):
    """How one finding is to be taken. A note needs nobody."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it is, what to do. `code`: exit code of a problem."""

    name: str
    state: State
    said: str
    fix: str | None = None
    code: int = PERSON_NEEDED


@dataclass(frozen=True, slots=True)
class Want:
    """What the table should be. `pinned`: field -> column, of the settings."""

    fields: Sequence[str]
    options: layout.Options
    pinned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """All findings in order. `source` and `known` are there when the table could be read.

    `is_adopted` is false for rows that no key was given yet: a column that seems to be missing may be one
    that goes by another name, which adopting finds out.
    """

    checks: Sequence[Check]
    source: Json | None = None
    known: Known = field(default_factory=Known)
    is_adopted: bool = True

    @property
    def problems(self) -> list[Check]:
        return [check for check in self.checks if check.state is State.PROBLEM]

    @property
    def exit_code(self) -> int:
        """6 without access, 5 when something needs a person, else 0."""
        return max((check.code for check in self.problems), default=0)


def examine(api: "Api", place: Place, home: Path, want: Want) -> Health:
    """Looks at everything a sync rests on. Writes nothing."""
    checks = [_token(api)]
    if checks[0].state is State.PROBLEM:
        return Health(checks)
    source, found = _table(api, place)
    checks += found
    if source is None:
        return Health(checks)
    known = known_of(api, home, source, want.pinned)
    binding = known.bind(source)
    is_adopted = _is_adopted(api, source, binding, known)
    checks += [
        *_columns(source, binding, known, want.fields, is_adopted=is_adopted),
        *_registry_columns(source, binding),
        *_options(binding, want.options),
        _view(api, source, binding),
        *_memory(Journal(home, bare_id(source["id"]))),
    ]
    return Health(checks, source, known, is_adopted)


def _is_adopted(api: "Api", source: Json, binding: Binding, known: Known) -> bool:
    """Whether some row has been written by us, or there are no rows at all."""
    if known.agreed:
        return True
    key = binding.columns.get("key")
    keyed = {"filter": {"property": key.id, "rich_text": {"is_not_empty": True}}} if key else None
    if keyed and api.query(source["id"], {"page_size": 1, **keyed})["results"]:
        return True
    return not api.query(source["id"], {"page_size": 1})["results"]


def mend(api: "Api", home: Path, health: Health, want: Want) -> Added:
    """Adds the columns, options and view that are missing. Wants a table that could be read.

    A table whose rows are not adopted gets the two Registry columns alone.
    """
    assert health.source is not None
    fields = want.fields if health.is_adopted else MACHINE
    added = complete(api, health.source, fields, want.options, health.known)
    remember_columns(home, added.source, health.known.bind(added.source))
    return added


def _token(api: "Api") -> Check:
    try:
        me = api.get("users/me")
    except NotAuthorised as error:
        return Check("token", State.PROBLEM, error.what, error.fix, NO_ACCESS)
    workspace = me.get("bot", {}).get("workspace_name") or "a workspace without a name"
    return Check("token", State.OK, f'connection "{me.get("name")}" in "{workspace}"')


def _table(api: "Api", place: Place) -> tuple[Json | None, list[Check]]:
    """The data source that the settings name, and what is to be said of it."""
    if not place.has_id:
        fix = "registry init --parent PAGE makes a table; for one that exists set NOTION_DATA_SOURCE_ID"
        return None, [Check("table", State.PROBLEM, "no setting names a table", fix)]
    try:
        found = _candidates(api, place)
    except (Gone, Rejected):  # Rejected: an id of another kind of object
        said = f"{place.data_source_id or place.database_id} ({place.where}) is no table, or not shared"
        return None, [Check("table", State.PROBLEM, said, SHARE, NO_ACCESS)]
    except NotAuthorised as error:
        return None, [Check("table", State.PROBLEM, error.what, error.fix, NO_ACCESS)]
    if len(found) != 1:
        named = ", ".join(f'{source["id"]} ("{title_of(source)}")' for source in found)
        said = f"the database has {len(found)} data sources: {named}"
        return None, [Check("table", State.PROBLEM, said, "set NOTION_DATA_SOURCE_ID to one of them")]
    return _standing(api, found[0])


def _candidates(api: "Api", place: Place) -> list[Json]:
    """The data sources that the ids may mean; a database's id given as a data source's will do."""
    if not place.data_source_id:
        return sources_of(api, str(place.database_id))
    try:
        return [api.get(f"data_sources/{place.data_source_id}")]
    except (Gone, Rejected):
        return sources_of(api, place.data_source_id)


def _standing(api: "Api", source: Json) -> tuple[Json | None, list[Check]]:
    """The table unless it lies in the trash, and whether there are others in its database."""
    database = database_of(api, source)
    shown = f'"{title_of(source)}" {source.get("url")}'
    if is_trashed(source, database):
        return None, [Check("table", State.PROBLEM, f"{shown} is in the trash", "restore it in Notion")]
    checks = [Check("table", State.OK, shown)]
    if (n := len(database.get("data_sources", ()))) > 1:
        said = f"its database has {n} data sources; {source['id']} is the one in use"
        checks.append(Check("table", State.NOTE, said))
    return source, checks


def _columns(
    source: Json, binding: Binding, known: Known, fields: Sequence[str], *, is_adopted: bool
) -> Iterator[Check]:
    """The columns of the record: there, missing, nearly there, of a wrong type, renamed."""
    fields = [name for name in fields if name not in MACHINE]
    lacking = layout.missing(binding, fields)
    near = layout.near_names(source, binding, lacking)
    unusable = [name for name in OWNED if name in binding.unusable]
    if not lacking and not unusable:
        yield Check("columns", State.OK, f"all {len(fields)} are there")
    if absent := [OWNED[name].name for name in lacking if name not in near]:
        fix = BY_FIX if is_adopted else AFTER_ADOPTION
        yield Check("columns", State.PROBLEM, f"missing: {', '.join(absent)}", fix)
    for name, there in near.items():
        wanted = OWNED[name].name
        fix = f'rename it to "{wanted}" in Notion, or under [notion.columns]: {name} = "{there}"'
        yield Check("columns", State.PROBLEM, f'no column "{wanted}", but "{there}"', fix)
    yield from (_wrong_type(source, known, name) for name in unusable)
    yield from _renamed(binding)


def _wrong_type(source: Json, known: Known, name: str) -> Check:
    shown = known.shown(source, name)
    wanted = " or ".join(usable_types(name)[:2])
    said = f'"{shown["name"]}" is of type {shown["type"]}, want {wanted}: {name} is not compared, not written'
    return Check("columns", State.PROBLEM, said, "change its type in Notion, or rename it and run --fix")


def _renamed(binding: Binding) -> Iterator[Check]:
    for name, column in binding.columns.items():
        if column.name != OWNED[name].name:
            yield Check(
                "columns", State.NOTE, f'"{OWNED[name].name}" is called "{column.name}" here: followed'
            )


def _registry_columns(source: Json, binding: Binding) -> Iterator[Check]:
    """The two columns that carry identity and base."""
    lacking = layout.missing(binding, MACHINE)
    names = ", ".join(OWNED[name].name for name in lacking or MACHINE)
    if not lacking:
        yield Check("registry", State.OK, f"{names} are there")
        return
    near = layout.near_names(source, binding, lacking)
    fix = "; ".join(f'rename "{there}" to "{OWNED[name].name}" in Notion' for name, there in near.items())
    yield Check("registry", State.PROBLEM, f"missing: {names}", fix or BY_FIX)


def _options(binding: Binding, options: layout.Options) -> Iterator[Check]:
    """The options of select columns that the catalogue's models need."""
    gaps = layout.missing_options(binding, options)
    if not gaps:
        yield Check("options", State.OK, "every value the catalogue has can be written")
    for name, fit in gaps.items():
        column = binding.columns[name].name
        if fit.add:
            yield Check("options", State.PROBLEM, f"{column} lacks {', '.join(fit.add)}", BY_FIX)
        for wanted, there in fit.twins.items():
            fix = f'rename that option to "{wanted}" in Notion'
            yield Check("options", State.PROBLEM, f'{column} has "{there}" for "{wanted}"', fix)
        if fit.left_out:
            yield _left_out(column, fit.left_out)


def _left_out(column: str, names: Sequence[str]) -> Check:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    fix = "add them in Notion, or make the column rich_text; from here: 100 options, none with a comma"
    return Check("options", State.PROBLEM, f"{column} lacks {shown}", fix)


def _view(api: "Api", source: Json, binding: Binding) -> Check:
    if find_view(api, source):
        return Check("view", State.OK, f"{layout.VIEW} is there")
    if "main" in binding.unusable:
        fix = "mend the column first, then registry doctor --fix"
        return Check("view", State.PROBLEM, f"no view {layout.VIEW}, and no checkbox Main for it", fix)
    return Check("view", State.PROBLEM, f"no view {layout.VIEW}", BY_FIX)


def _memory(journal: Journal) -> Iterator[Check]:
    """What this machine remembers: creates whose answer was lost, and the rate it may ask at."""
    for intent in journal.open_intents():
        said = f"the answer to making {intent.key} was lost at {intent.sent_at:%Y-%m-%d %H:%M:%S} UTC"
        yield Check("rows", State.NOTE, said, "the next registry sync looks for it and decides")
    for warning in journal.warnings:
        yield Check("rows", State.NOTE, warning)
    limit = journal.state.rate_limit
    said = f"{limit} requests a minute" if limit else "not learned yet: the first run starts at 180 a minute"
    yield Check("rate", State.OK, said)
