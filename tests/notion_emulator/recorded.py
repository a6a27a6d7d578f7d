"""Imports objects as the API gave them (recorded answers) into a workspace, which can go on from there.

Ids are taken over. What an answer does not say stays at its default; a row brings its data source along as
far as its values tell it, unless that was imported before. Formulas and rollups are worked out anew.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tests.notion_emulator.state import (
    Block,
    Database,
    DataSource,
    Json,
    Page,
    Property,
    User,
    View,
    Workspace,
)

WORKED_OUT = ("formula", "rollup", "created_time", "created_by", "last_edited_time", "last_edited_by")
OPTIONS = ("select", "status", "multi_select")
NOBODY = "00000000-0000-4000-8000-000000000000"
"""Who made what an answer shows without its author (databases)."""


def time_of(text: str) -> datetime:
    """A time in either of the API's forms."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Importer:
    """Puts recorded objects into one workspace; `now` is the time given to what comes without one."""

    def __init__(self, ws: Workspace, now: datetime):
        self.ws = ws
        self.now = now
        self.kinds: dict[str, Callable[[Json], None]] = {
            "user": self.user,
            "page": self.page,
            "data_source": self.data_source,
            "database": self.database,
            "view": self.view,
            "block": self.block,
        }

    def take(self, answer: Json) -> None:
        """Any object of the API, by what it says it is."""
        self.kinds[answer["object"]](answer)

    def user(self, answer: Json) -> None:
        kind = answer["type"]
        details = dict(answer.get(kind) or {})
        self.ws.users[answer["id"]] = User(answer["id"], answer["name"], kind, details, answer["avatar_url"])

    def page(self, answer: Json) -> None:
        parent = answer["parent"]
        columns = self._columns(parent, answer["properties"])
        page = Page(
            **self._node(answer),
            properties={
                column: stored(value)
                for column, value in zip(columns, answer["properties"].values(), strict=True)
                if value["type"] not in WORKED_OUT
            },
            is_archived=answer.get("is_archived", False),
            is_locked=answer.get("is_locked", False),
            public_url=answer.get("public_url"),
        )
        if parent["type"] == "data_source_id":
            page.parent.pop("database_id")  # shown beside it, kept in the data source
        self.ws.pages[page.id] = page
        source = self.ws.data_sources.get(parent.get("data_source_id", ""))
        if source is not None:
            self.ws.rows.setdefault(source.id, []).append(page.id)
            self._count_unique_id(source, page)
        self._hang_below(page)

    def plain_page(self, page_id: str) -> None:
        """A page of the workspace of which only the id is known."""
        self.page(
            {
                "id": page_id,
                "parent": {"type": "workspace", "workspace": True},
                "properties": {"title": {"id": "title", "type": "title", "title": []}},
            }
        )

    def data_source(self, answer: Json) -> None:
        properties = {}
        for name, column in answer["properties"].items():
            one = Property(unquote(column["id"]), name, column["type"], dict(column[column["type"]]))
            one.description = column.get("description")
            properties[one.id] = one
        source = DataSource(
            **self._node(answer),
            title=answer["title"],
            description=answer.get("description", []),
            properties=properties,
        )
        database_id = answer["parent"]["database_id"]
        source.parent = {"type": "database_id", "database_id": database_id}
        if database_id not in self.ws.databases:
            self.ws.databases[database_id] = Database(
                **self._node(answer | {"id": database_id, "parent": answer["database_parent"]}),
                title=answer["title"],
                description=answer.get("description", []),
                is_inline=answer.get("is_inline", False),
            )
        self._hold(source)

    def database(self, answer: Json) -> None:
        database = Database(
            **self._node(answer),
            title=answer["title"],
            description=answer["description"],
            is_inline=answer["is_inline"],
            is_locked=answer["is_locked"],
            data_sources=[one["id"] for one in answer["data_sources"]],
            public_url=answer["public_url"],
        )
        self.ws.databases[database.id] = database

    def view(self, answer: Json) -> None:
        names = ("data_source_id", "name", "type", "filter", "sorts", "quick_filters", "configuration")
        parts = {name: answer.get(name) for name in names}
        self.ws.views[answer["id"]] = View(**self._node(answer), **parts)

    def block(self, answer: Json) -> None:
        kind = answer["type"]
        if kind in ("child_page", "child_database"):
            return
        self.ws.blocks[answer["id"]] = Block(**self._node(answer), type=kind, content=answer[kind])
        self._hang_below(self.ws.blocks[answer["id"]])

    def _node(self, answer: Json) -> Json:
        created, edited = answer.get("created_time"), answer.get("last_edited_time")
        return {
            "id": answer["id"],
            "seq": self.ws.next_seq(),
            "parent": dict(answer["parent"]),
            "created_time": time_of(created) if created else self.now,
            "last_edited_time": time_of(edited) if edited else self.now,
            "created_by": answer.get("created_by", {}).get("id", NOBODY),
            "last_edited_by": answer.get("last_edited_by", {}).get("id", NOBODY),
            "in_trash": answer.get("in_trash", False),
            "icon": answer.get("icon"),
            "cover": answer.get("cover"),
        }

    def _hold(self, source: DataSource) -> None:
        self.ws.data_sources[source.id] = source
        self.ws.rows.setdefault(source.id, [])
        database = self.ws.databases[source.parent["database_id"]]
        if source.id not in database.data_sources:
            database.data_sources.append(source.id)

    def _hang_below(self, node: Page | Block) -> None:
        """Adds to the children of the parent, if that holds children."""
        parent_id = node.parent.get(node.parent["type"])
        parent = self.ws.pages.get(parent_id) or self.ws.blocks.get(parent_id)
        if parent is not None and isinstance(node, Block):
            parent.children.append(node.id)

    def _columns(self, parent: Json, values: Json) -> list[str]:
        """The decoded ids of the columns; makes the data source of a row that came without."""
        if parent["type"] == "data_source_id" and parent["data_source_id"] not in self.ws.data_sources:
            self._guess_source(parent, values)
        return [unquote(value["id"]) for value in values.values()]

    def _guess_source(self, parent: Json, values: Json) -> None:
        columns = {}
        for name, value in values.items():
            kind = value["type"]
            config: Json = {"options": []} if kind in OPTIONS else {}
            if kind == "unique_id":
                config = {"prefix": value["unique_id"]["prefix"]}
            columns[name] = {"id": value["id"], "type": kind, kind: config}
        self.data_source(
            {
                "id": parent["data_source_id"],
                "title": [],
                "properties": columns,
                "parent": {"type": "database_id", "database_id": parent["database_id"]},
                "database_parent": {"type": "workspace", "workspace": True},
            }
        )

    def learn_options(self, answer: Json) -> None:
        """Adds the options that a row's values show to columns that do not have them."""
        source = self.ws.data_sources.get(answer["parent"].get("data_source_id", ""))
        for value in answer["properties"].values():
            column = source.properties.get(unquote(value["id"])) if source else None
            if column is None or value["type"] not in OPTIONS:
                continue
            shown = value[value["type"]] or []
            options = column.config.setdefault("options", [])
            for option in shown if isinstance(shown, list) else [shown]:
                if all(option["id"] != one["id"] for one in options):
                    options.append(option | {"description": None})

    def _count_unique_id(self, source: DataSource, page: Page) -> None:
        for column in source.properties.values():
            number = page.properties.get(column.id) if column.type == "unique_id" else None
            if number is not None:
                source.next_unique_id = max(source.next_unique_id, number + 1)


def stored(value: Json) -> Any:
    """A property value as the workspace keeps it."""
    kind = value["type"]
    shown = value[kind]
    if kind in ("select", "status"):
        return shown and shown["id"]
    if kind in ("multi_select", "relation", "people"):
        return [one["id"] for one in shown]
    return shown["number"] if kind == "unique_id" else shown


def forget_all(ws: Workspace) -> None:
    """Empties a workspace, its users included."""
    for objects in (ws.users, ws.databases, ws.data_sources, ws.pages, ws.blocks, ws.views, ws.rows):
        objects.clear()
