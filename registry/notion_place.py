"""From settings to the table in Notion: the connection, and the table on it."""

import math
from typing import TYPE_CHECKING

from registry.credentials import Place, need_token

if TYPE_CHECKING:
    from registry.pipeline import World
    from sync.notion.api import Api
    from sync.notion.table import NotionTable


def connected(world: "World", *, patient: bool = False) -> "tuple[Api, Place]":
    """A connection with the token of this run, and what the settings name. Sends nothing yet.

    `patient`: the run takes as long as it takes, as one at a terminal does. Raises NotAuthorised without a
    token.
    """
    from sync.notion.api import DEADLINE_S, Api

    place = world.settings.place()
    deadline_s = math.inf if patient or world.screen.at_terminal else DEADLINE_S
    token = need_token(place).reveal()
    api = Api(token, base_url=place.base_url, deadline_s=deadline_s, waiting=world.screen.waiting)
    return api, place


def notion_table(world: "World", *, patient: bool) -> "NotionTable":
    """The table in Notion that the settings name."""
    from registry.notion_setup import wanted_fields
    from sync.notion.table import NotionTable

    wanted_fields(world.settings.optional_columns)
    api, place = connected(world, patient=patient)
    return NotionTable(
        api,
        data_source_id=place.data_source_id,
        database_id=place.database_id,
        home=world.settings.home.expanduser(),
        columns=world.settings.notion.columns,
        reading=world.screen.step("reading rows"),
    )
