"""What a workspace holds. Plain data: rules live in the modules that change or show it.

Stored property values, by type (a page's `properties`: property id -> stored value; absent means empty):

    title, rich_text       list of full rich text items, in the form Notion gives them back
    number                 int, float or None
    select, status         option id or None
    multi_select           list of option ids
    date                   {"start", "end", "time_zone"} in the form Notion gives back, or None
    people                 list of user ids              relation   list of page ids
    files                  list of file objects          checkbox   bool
    url, email, phone_number   str or None               unique_id  int, the number
    place, verification, button   the object as given back, or None
    formula, rollup, created_*, last_edited_*   never stored: worked out when shown
"""

import copy
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.notion_emulator.clock import START

Json = dict[str, Any]
RichText = list[Json]


@dataclass(slots=True)
class User:
    """A person or a bot; `details` is the object under its type's name."""

    id: str
    name: str | None
    type: str
    details: Json = field(default_factory=dict)
    avatar_url: str | None = None


@dataclass(slots=True)
class Property:
    """A column. `config` is the object under the type's name, options included, in read form."""

    id: str
    name: str
    type: str
    config: Json = field(default_factory=dict)
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Node:
    """What databases, data sources, pages and blocks share. Times are whole; cut when shown.

    `seq` orders by creation.
    """

    id: str
    seq: int
    parent: Json
    created_time: datetime
    last_edited_time: datetime
    created_by: str
    last_edited_by: str
    in_trash: bool = False
    icon: Json | None = None
    cover: Json | None = None


@dataclass(slots=True, kw_only=True)
class Database(Node):
    title: RichText = field(default_factory=list)
    description: RichText = field(default_factory=list)
    is_inline: bool = False
    is_locked: bool = False
    data_sources: list[str] = field(default_factory=list)
    public_url: str | None = None


@dataclass(slots=True, kw_only=True)
class DataSource(Node):
    """`parent` is {"type": "database_id", "database_id": ...}; `properties`: property id -> column."""

    title: RichText = field(default_factory=list)
    description: RichText = field(default_factory=list)
    properties: dict[str, Property] = field(default_factory=dict)
    next_unique_id: int = 1
    templates: list[Json] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Page(Node):
    """A page anywhere, or a row (`parent` of type data_source_id).

    `children`: ids of what stands in it, in order: blocks, and child pages and databases (`blocks.order`).
    """

    properties: dict[str, Any] = field(default_factory=dict)
    is_archived: bool = False
    is_locked: bool = False
    public_url: str | None = None
    children: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Block(Node):
    """A content block. `content` is the object under its type's name; child pages are not here."""

    type: str
    content: Json = field(default_factory=dict)
    children: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class View(Node):
    """`parent` is {"type": "database_id", ...}; `filter`, `sorts`, ... are stored as they are shown."""

    data_source_id: str
    name: str
    type: str
    filter: Json | None = None
    sorts: list[Json] | None = None
    quick_filters: Json | None = None
    configuration: Json | None = None


@dataclass(slots=True)
class Knobs:
    """What a test may turn. `lag_s`: how long a query does not see a write; `search_lag_s`: how long search
    does not see a creation or a deletion; `cap`: rows one query gives at most.
    """

    cap: int = 10_000
    lag_s: float = 0.0
    search_lag_s: float = 0.0
    max_page_size: int = 100
    cursor_life_s: float | None = None
    cursor_pages: int | None = None
    option_ceiling: int = 100
    block_limit: int | None = None


class Ids:
    """Seeded ids: the same seed gives the same workspace."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def short(self) -> str:
        """A property's id as Notion makes them: four characters from `:` to `~` (observed: recorded)."""
        return "".join(chr(self._random.randrange(58, 127)) for _ in range(4))


class Workspace:
    """All objects by id, and the index that queries see, which may lag behind them."""

    def __init__(self, seed: int = 0, knobs: Knobs | None = None):
        self.ids = Ids(seed)
        self.knobs = knobs or Knobs()
        self.id = self.ids.uuid()
        self.name = "Emulated workspace"
        self.users: dict[str, User] = {}
        self.databases: dict[str, Database] = {}
        self.data_sources: dict[str, DataSource] = {}
        self.pages: dict[str, Page] = {}
        self.blocks: dict[str, Block] = {}
        self.views: dict[str, View] = {}
        self.rows: dict[str, list[str]] = {}
        """Data source id -> ids of its rows, oldest first, trashed ones included."""
        self.view_queries: dict[str, Json] = {}
        self.cursor_sessions: dict[str, Any] = {}
        """What cursors of queries and searches lead back to: session id -> paging.Session."""
        self.comments: dict[str, Json] = {}
        self.file_uploads: dict[str, Json] = {}
        self.custom_emojis: list[Json] = []
        self.async_tasks: dict[str, Json] = {}
        self.oauth_tokens: dict[str, int] = {}
        """Tokens given for a code or a refresh token -> when, in milliseconds since 1970."""
        self.oauth_clients: dict[str, str] = {}
        """Client id -> secret; while empty, any pair is taken."""
        self.now = START
        """When the request that is being answered arrived: formulas ask for it."""
        self.unshared: set[str] = set()
        """Ids that answer 404 although they exist."""
        self.still_found: set[str] = set()
        """Ids in the trash that search lists all the same (observed: recorded, days after the deletion)."""
        self._seq = 0
        self._index: dict[str, list[tuple[datetime, Page]]] = {}

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def new_user(self, name: str, *, bot: bool) -> User:
        """A person, or a bot of this workspace."""
        details: Json = {"email": f"{name.lower().replace(' ', '.')}@example.com"}
        if bot:
            details = {
                "owner": {"type": "workspace", "workspace": True},
                "workspace_name": self.name,
                "workspace_id": self.id,
                "workspace_limits": {"max_file_upload_size_in_bytes": 5_242_880},
            }
        user = User(self.ids.uuid(), name, "bot" if bot else "person", details)
        self.users[user.id] = user
        return user

    def touch(self, page: Page, actor: str, now: datetime) -> None:
        """To be called after every change of a page: who and when, and when queries will see it."""
        page.last_edited_time, page.last_edited_by = now, actor
        self.reindex(page, now)

    def reindex(self, page: Page, now: datetime, lag_s: float | None = None) -> None:
        """Queries see the page as it is now after the lag; until then as it was, or not at all."""
        lag = self.knobs.lag_s if lag_s is None else lag_s
        if lag <= 0:
            self._index.pop(page.id, None)
            return
        versions = self._index.setdefault(page.id, [])
        versions.append((now + timedelta(seconds=lag), copy.deepcopy(page)))

    def set_lag(self, lag_s: float, now: datetime) -> None:
        """From here on queries see each write only after `lag_s`; what was there before stays visible."""
        for page in self.pages.values():
            self._index.setdefault(page.id, [(now, copy.deepcopy(page))])
        self.knobs.lag_s = lag_s

    def indexed(self, page_id: str, now: datetime) -> Page | None:
        """The page as queries see it at this time, or None while they do not see it."""
        versions = self._index.get(page_id)
        if versions is None:
            return self.pages.get(page_id)
        seen = [version for visible, version in versions if visible <= now]
        return seen[-1] if seen else None


def normalised(object_id: str) -> str | None:
    """A uuid with dashes, however it was written; None for what is none."""
    try:
        return str(uuid.UUID(object_id)) if len(object_id) in (32, 36) else None
    except ValueError:
        return None


def seconds_cut(time: datetime) -> str:
    """Times of pages, data sources and blocks: cut to the minute (observed: recorded)."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


def milliseconds(time: datetime) -> str:
    """Times of databases and views: milliseconds and +00:00 (observed: recorded)."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
