"""People who edit the workspace while a client works on it: `Person(emulator).edit(row_id, {"Name": "x"})`.

What the API can do too is done through its operations, as that person; the rest straight in the state.
Nothing of it is logged, limited or broken.
"""

import copy
import json
from typing import Any

from tests.notion_emulator import schema
from tests.notion_emulator.app import Emulator, encoded
from tests.notion_emulator.state import DataSource, Json, Page, Property
from tests.notion_emulator.wire import Request

PLAIN = ("number", "checkbox", "url", "email", "phone_number", "date")


class Person:
    """A person of the emulator's workspace. Rows and data sources are given by id, columns by name or id."""

    def __init__(self, emulator: Emulator, name: str | None = None):
        self.emulator = emulator
        self.ws = emulator.ws
        self.user = emulator.person if name is None else self.ws.new_user(name, bot=False)

    def add_row(self, data_source_id: str, cells: dict[str, Any]) -> str:
        """The id of a new row. Cells are plain: text, number, bool, option name, list of names or ids."""
        parent = {"type": "data_source_id", "data_source_id": data_source_id}
        body = {"parent": parent, "properties": self._written(data_source_id, cells)}
        return str(self._ask("POST", "/v1/pages", body)["id"])

    def edit(self, row_id: str, cells: dict[str, Any]) -> None:
        """Other values in these cells; None empties one."""
        data_source_id = self.ws.pages[row_id].parent["data_source_id"]
        self._ask("PATCH", f"/v1/pages/{row_id}", {"properties": self._written(data_source_id, cells)})

    def trash(self, row_id: str) -> None:
        self._ask("PATCH", f"/v1/pages/{row_id}", {"in_trash": True})

    def restore(self, row_id: str) -> None:
        self._ask("PATCH", f"/v1/pages/{row_id}", {"in_trash": False})

    def delete_for_good(self, row_id: str) -> None:
        """Out of the trash, too: the API answers 404."""
        page = self.ws.pages.pop(row_id)
        rows = self.ws.rows.get(page.parent.get("data_source_id", ""), [])
        if row_id in rows:
            rows.remove(row_id)

    def lock(self, page_id: str, locked: bool = True) -> None:
        self._ask("PATCH", f"/v1/pages/{page_id}", {"is_locked": locked})

    def move(self, row_id: str, parent: Json) -> None:
        """To another page or data source."""
        self._ask("POST", f"/v1/pages/{row_id}/move", {"parent": parent})

    def duplicate(self, row_id: str, suffix: str = " (1)") -> str:
        """A row with the same cells; its title ends with `suffix` (assumed)."""
        page, now = self.ws.pages[row_id], self.emulator.now()
        ds = self.ws.data_sources[page.parent["data_source_id"]]
        twin = copy.deepcopy(page)
        twin.id, twin.seq, twin.children = self.ws.ids.uuid(), self.ws.next_seq(), []
        twin.created_time, twin.created_by = now, self.user.id
        self._renumber(twin, ds)
        if suffix and twin.properties.get("title"):
            last = twin.properties["title"][-1]
            last["plain_text"] += suffix
            last["text"]["content"] += suffix
        self.ws.pages[twin.id] = twin
        self.ws.rows.setdefault(ds.id, []).append(twin.id)
        self.ws.touch(twin, self.user.id, now)
        return twin.id

    def add_column(self, data_source_id: str, name: str, type_name: str, config: Json | None = None) -> str:
        """The id of the new column."""
        self._columns(data_source_id, {name: {type_name: config or {}}})
        return self.column(data_source_id, name).id

    def rename_column(self, data_source_id: str, column: str, name: str) -> None:
        """The title column, too."""
        self._columns(data_source_id, {self.column(data_source_id, column).id: {"name": name}})

    def retype_column(
        self, data_source_id: str, column: str, type_name: str, config: Json | None = None
    ) -> None:
        self._columns(data_source_id, {self.column(data_source_id, column).id: {type_name: config or {}}})

    def delete_column(self, data_source_id: str, column: str) -> None:
        self._columns(data_source_id, {self.column(data_source_id, column).id: None})

    def recreate_column(self, data_source_id: str, column: str) -> str:
        """Deletes a column and makes one of the same name and type: empty, with another id."""
        old = self.column(data_source_id, column)
        self.delete_column(data_source_id, column)
        return self.add_column(data_source_id, old.name, old.type)

    def add_option(self, data_source_id: str, column: str, name: str, color: str = "default") -> str:
        """The id of the new option of a select, multi-select or status column."""
        option = {"id": self.ws.ids.uuid(), "name": name, "color": color, "description": None}
        prop = self.column(data_source_id, column)
        prop.config["options"].append(option)
        for group in prop.config.get("groups", [])[:1]:
            group["option_ids"].append(option["id"])
        self._edited(data_source_id)
        return str(option["id"])

    def rename_option(self, data_source_id: str, column: str, name: str, new: str) -> None:
        self._option(data_source_id, column, name)["name"] = new

    def recolour_option(self, data_source_id: str, column: str, name: str, color: str) -> None:
        self._option(data_source_id, column, name)["color"] = color

    def delete_option(self, data_source_id: str, column: str, name: str) -> None:
        """Cells that hold it lose it."""
        option_id = self._option(data_source_id, column, name)["id"]
        prop = self.column(data_source_id, column)
        prop.config["options"] = [one for one in prop.config["options"] if one["id"] != option_id]
        for group in prop.config.get("groups", []):
            group["option_ids"] = [one for one in group["option_ids"] if one != option_id]
        for row_id in self.ws.rows.get(data_source_id, []):
            self._lose_option(self.ws.pages[row_id], prop.id, option_id)

    def move_database(self, database_id: str, page_id: str) -> None:
        """Under another page."""
        parent = {"type": "page_id", "page_id": page_id}
        self._ask("PATCH", f"/v1/databases/{database_id}", {"parent": parent})

    def trash_database(self, database_id: str, in_trash: bool = True) -> None:
        self._ask("PATCH", f"/v1/databases/{database_id}", {"in_trash": in_trash})

    def lock_database(self, database_id: str, locked: bool = True) -> None:
        self._ask("PATCH", f"/v1/databases/{database_id}", {"is_locked": locked})

    def add_data_source(self, database_id: str, title: str, columns: Json | None = None) -> str:
        """The id of one more data source of a database."""
        body = {
            "parent": {"type": "database_id", "database_id": database_id},
            "title": [{"text": {"content": title}}],
            "properties": columns or {"Name": {"title": {}}},
        }
        return str(self._ask("POST", "/v1/data_sources", body)["id"])

    def column(self, data_source_id: str, name_or_id: str) -> Property:
        """A column as stored."""
        found = schema.find(self.ws.data_sources[data_source_id], name_or_id)
        if found is None:
            raise KeyError(name_or_id)
        return found

    def _ask(self, method: str, path: str, body: Json) -> Any:
        response = self.emulator.unwatched(Request(method, path, body=encoded(body)), self.user.id)
        answer = json.loads(response.body)
        if response.status >= 400:
            raise ValueError(f"{method} {path}: {answer['message']}")
        return answer

    def _columns(self, data_source_id: str, columns: Json) -> None:
        self._ask("PATCH", f"/v1/data_sources/{data_source_id}", {"properties": columns})

    def _written(self, data_source_id: str, cells: dict[str, Any]) -> Json:
        columns = {name: self.column(data_source_id, name) for name in cells}
        return {columns[name].id: written(columns[name].type, value) for name, value in cells.items()}

    def _option(self, data_source_id: str, column: str, name: str) -> Json:
        self._edited(data_source_id)
        options: list[Json] = self.column(data_source_id, column).config["options"]
        return next(option for option in options if option["name"] == name)

    def _edited(self, data_source_id: str) -> None:
        ds = self.ws.data_sources[data_source_id]
        ds.last_edited_time, ds.last_edited_by = self.emulator.now(), self.user.id

    def _lose_option(self, page: Page, property_id: str, option_id: str) -> None:
        value = page.properties.get(property_id)
        if value == option_id:
            page.properties[property_id] = None
        elif isinstance(value, list) and option_id in value:
            page.properties[property_id] = [one for one in value if one != option_id]

    def _renumber(self, page: Page, ds: DataSource) -> None:
        for prop in ds.properties.values():
            if prop.type == "unique_id":
                page.properties[prop.id] = ds.next_unique_id
                ds.next_unique_id += 1


def written(type_name: str, value: Any) -> Json:
    """A plain value in the form that a request takes."""
    if type_name in ("title", "rich_text"):
        return {type_name: [{"text": {"content": value}}] if value else []}
    if type_name in PLAIN:
        return {type_name: value}
    if type_name in ("select", "status"):
        return {type_name: None if value is None else {"name": value}}
    if type_name in ("relation", "people"):
        return {type_name: [{"id": one} for one in value or ()]}
    if type_name == "multi_select":
        return {type_name: [{"name": one} for one in value or ()]}
    raise ValueError(f"a person does not type into a column of type {type_name}")
