"""An emulated workspace with a page to make the table on, and `init` as a test runs it: in process."""

from pathlib import Path
from typing import Any

from registry import notion_setup
from registry.notion_setup import Made
from sync.notion.api import Api
from sync.notion.guard import OwnedOnly
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.people import Person
from tests.notion_emulator.state import DataSource, View
from tests.notion_emulator.transport import InProcess

OPTIONS = {"model_family": ["llama2", "llama3_1"], "model_type": ["base", "chat"], "tokenizer": ["BPE"]}


class Workspace:
    """The emulator, a person in it, and the data folder of one machine."""

    def __init__(self, home: Path):
        self.emulator = Emulator()
        self.person = Person(self.emulator)
        self.page = self.emulator.root_page.id
        self.home = home
        self.guard = OwnedOnly(InProcess(self.emulator))
        self.api = Api("ntn_test", transport=self.guard, clock=self.emulator.clock)

    def init(self, *, title: str = "LLM config table", home: Path | None = None, **more: Any) -> Made:
        wanted = {"page": self.page, "optional": (), "options": OPTIONS, **more}
        wish = notion_setup.wish(title=title, **wanted)
        with self.guard.schema_changes():
            return notion_setup.init(self.api, home or self.home, wish, self.emulator.clock.now)

    @property
    def databases(self) -> list[str]:
        return [one.id for one in self.emulator.ws.databases.values() if not one.in_trash]

    @property
    def source(self) -> DataSource:
        """The only data source."""
        (found,) = self.emulator.ws.data_sources.values()
        return found

    @property
    def views(self) -> list[View]:
        return list(self.emulator.ws.views.values())

    def names(self) -> set[str]:
        return {column.name for column in self.source.properties.values()}

    def options_of(self, column: str) -> list[str]:
        return [one["name"] for one in self.person.column(self.source.id, column).config["options"]]

    def writes(self) -> list[str]:
        """Method and path of everything sent so far that writes."""
        return [f"{one.method} {one.template}" for one in self.emulator.log.entries if one.kind == "write"]
