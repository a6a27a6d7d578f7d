"""An emulated table in Notion with every owned column, and the product's table on it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.record import BASE_COLUMN, COLUMNS
from sync.notion.api import Api
from sync.notion.cells import TYPES
from sync.notion.table import NotionTable
from sync.table import RowResult, RowWrite
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.people import Person
from tests.notion_emulator.seeds import database
from tests.notion_emulator.state import Knobs
from tests.notion_emulator.transport import InProcess

OPTIONS = ("llama2", "Llama 3", "base", "bf16")
TITLE = "LLM config table"


def columns(**changed: Any) -> dict[str, Any]:
    """Column name -> schema, of every owned column; `changed`: field -> another schema, or None for none."""
    found = {}
    for name, column in {**COLUMNS, "base": BASE_COLUMN}.items():
        type_ = TYPES[column.kind][0]
        config: Any = {"options": [{"name": one} for one in OPTIONS]} if type_ == "select" else {}
        found[column.name] = changed.get(name, {type_: config})
    return {name: schema for name, schema in found.items() if schema is not None}


class World:
    """One workspace with one table, the people who edit it, and any number of machines that sync it."""

    def __init__(self, home: Path, *, knobs: Knobs | None = None, rate: int | None = None, **changed: Any):
        self.home = home
        self.emulator = Emulator(knobs=knobs, rate=rate)
        self.clock = self.emulator.clock
        self.database_id, self.id = database(self.emulator, columns(**changed), TITLE)
        self.person = Person(self.emulator)

    def table(self, home: str = "machine", **settings: Any) -> NotionTable:
        """The table as a new run on this machine sees it."""
        carried = InProcess(self.emulator)
        api = Api(
            "ntn_test", transport=carried, clock=self.clock, deadline_s=settings.pop("deadline_s", 2700)
        )
        settings = {"data_source_id": self.id, "in_flight": 1, **settings}
        return NotionTable(api, home=self.home / home, clock=self.clock, **settings)

    def cells(self, row_id: str) -> Mapping[str, Any]:
        """What a row holds, by column name, as stored."""
        page = self.emulator.ws.pages[row_id]
        columns = self.emulator.ws.data_sources[self.id].properties
        return {columns[one].name: value for one, value in page.properties.items()}

    @property
    def rows(self) -> list[str]:
        """Ids of the rows that are not in the trash, oldest first."""
        pages = self.emulator.ws.pages
        return [one for one in self.emulator.ws.rows.get(self.id, []) if not pages[one].in_trash]

    def sent(self) -> list[str]:
        """Method and path of every request of the product so far."""
        return [f"{entry.method} {entry.path}" for entry in self.emulator.log.entries]


def ignore(done: int) -> None:
    pass


def creation(name: str, **values: Any) -> RowWrite:
    key = f"sku:{name}"
    return RowWrite(None, key, {"key": key, "model_name": name, **values}, f"base of {name}", {})


def write(table: NotionTable, *writes: RowWrite) -> list[RowResult]:
    """Writes these rows as one batch."""
    return table.write(writes, ignore)


def outcomes(results: Sequence[RowResult]) -> list[str]:
    return [str(result.outcome) for result in results]
