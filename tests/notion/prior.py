"""What existed before a cassette began: found in its answers and imported into the emulator."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from tests.notion.comparison import UUID, dashed
from tests.notion.recordings import Cassette, Exchange, cassettes
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.recorded import Importer, forget_all

Json = dict[str, Any]
KINDS = ("user", "database", "data_source", "view", "page", "block")
"""In the order of their import."""
CREATING = ("/v1/pages", "/v1/databases", "/v1/data_sources", "/v1/views")
PAGE_KEYS = ("page_id", "target_page_id")


@dataclass
class Prior:
    """Objects by kind and id, as first shown; `last_found`: id -> the last exchange whose search found it."""

    objects: dict[str, dict[str, Json]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    made: set[str] = field(default_factory=set)
    second_users: dict[str, str] = field(default_factory=dict)
    """Id of our own -> the recorded id, which bears another user too."""
    last_found: dict[str, int] = field(default_factory=dict)

    def gone_before(self, n: int) -> list[str]:
        """What searches found once but not any more from this exchange on."""
        return [object_id for object_id, last in self.last_found.items() if last < n]


def prior_objects(cassette: Cassette) -> Prior:
    """What the answers show and no request of this cassette made."""
    prior = Prior()
    for exchange in cassette.exchanges:
        if exchange.status >= 300:
            continue
        prior.made.update(made_by(exchange))
        if exchange.path == "/v1/users":
            take_users(exchange.answer["results"], prior)
        for one in shown_objects(exchange.answer):
            if not is_made(one, prior.made):
                prior.objects[one["object"]].setdefault(one["id"], one)
            else:
                prior.made.add(one["id"])
        if exchange.path == "/v1/search" and exchange.body.get("query"):
            prior.last_found.update((one["id"], exchange.n) for one in exchange.answer["results"])
    same_query_only(cassette, prior)
    return prior


def take_users(users: list[Json], prior: Prior) -> None:
    """All users, in order. Of two with one id (redaction did that) the one without details gets another."""
    ids = [user["id"] for user in users]
    prior.objects["user"] = {}
    for user in users:
        if ids.count(user["id"]) > 1 and not user[user["type"]]:
            own_id = str(uuid.uuid5(uuid.NAMESPACE_OID, user["name"]))
            prior.second_users[own_id] = user["id"]
            user = user | {"id": own_id}
        prior.objects["user"][user["id"]] = user


def same_query_only(cassette: Cassette, prior: Prior) -> None:
    """Keeps in `last_found` what a later search with the same question did not find."""
    asked: dict[str, list[Exchange]] = {}
    for one in cassette.exchanges:
        if one.path == "/v1/search":
            asked.setdefault(str(one.body), []).append(one)
    gone: dict[str, int] = {}
    for searches in asked.values():
        found = [{one["id"] for one in search.answer["results"]} for search in searches]
        for earlier, later, search in zip(found, found[1:], searches, strict=False):
            gone.update(dict.fromkeys(earlier - later, search.n))
    prior.last_found = gone


def made_by(exchange: Exchange) -> Iterator[str]:
    """Ids of what a request made."""
    answer = exchange.answer
    if exchange.method == "POST" and exchange.path in CREATING:
        yield answer["id"]
        yield from (source["id"] for source in answer.get("data_sources", []))
    if exchange.method == "PATCH" and exchange.path.endswith("/children"):
        yield from (one["id"] for one in answer["results"])


def is_made(one: Json, made: set[str]) -> bool:
    """Whether an object was made in the cassette, or lies in something that was."""
    parent = one.get("parent") or {}
    return one["id"] in made or parent.get(parent.get("type")) in made


def shown_objects(answer: Any) -> Iterator[Json]:
    """Whole objects anywhere in an answer; the users inside values are whole as well."""
    if isinstance(answer, list):
        for one in answer:
            yield from shown_objects(one)
    elif isinstance(answer, dict):
        if answer.get("object") in KINDS and is_whole(answer):
            yield answer
        for value in answer.values():
            yield from shown_objects(value)


def is_whole(one: Json) -> bool:
    """Whether the object is shown whole; users in values lack the details of bots."""
    if one["object"] == "user":
        return "type" in one
    return "created_time" in one


@cache
def library(origin: str) -> dict[str, Json]:
    """Every data source and user any cassette of the origin shows, by id: the first time it is shown."""
    found: dict[str, Json] = {}
    for cassette in cassettes():
        if cassette.origin == origin:
            for exchange in cassette.exchanges:
                for one in shown_objects(exchange.answer):
                    if one["object"] == "data_source" or (one["object"] == "user" and one[one["type"]]):
                        found.setdefault(one["id"], one)
    return found


def imported(emulator: Emulator, cassette: Cassette, prior: Prior, now: datetime) -> None:
    """Puts everything into the emulator, and plain pages where only an id is known."""
    ws = emulator.ws
    forget_all(ws)
    importer = Importer(ws, now)
    known = library(cassette.origin)
    for page_id in stubs(cassette, prior):
        if page_id not in prior.objects["page"]:
            importer.plain_page(page_id)
    for kind in KINDS:
        for one in in_order_of_creation(prior.objects[kind].values()):
            source_id = one.get("parent", {}).get("data_source_id") if kind == "page" else None
            if source_id in known and source_id not in ws.data_sources:
                importer.take(known[source_id])
            importer.take(
                known[one["id"]] if kind == "user" and not one[one["type"]] and one["id"] in known else one
            )
            if source_id is not None:
                importer.learn_options(one)
    for user_id in sorted(mentioned_users(cassette) - ws.users.keys()):
        if user_id in known:
            importer.take(known[user_id])
    be_the_bot(
        emulator, importer, next(one for one in known.values() if "workspace_id" in one.get("bot", ()))
    )
    ws.still_found |= {one.id for one in ws.data_sources.values() if one.in_trash}


def be_the_bot(emulator: Emulator, importer: Importer, bot: Json) -> None:
    """The connection of the recordings is the emulator's, its workspace too."""
    ws = emulator.ws
    if bot["id"] not in ws.users:
        importer.take(bot)
    emulator.bot = ws.users[bot["id"]]
    ws.id, ws.name = bot["bot"]["workspace_id"], bot["bot"]["workspace_name"]


def in_order_of_creation(objects: Any) -> list[Json]:
    """Oldest first; within a minute the last of a list was the first. Users and blocks stay as they are."""
    found = list(objects)
    if not found or found[0]["object"] in ("user", "block"):
        return found
    found.reverse()
    return sorted(found, key=lambda one: one["created_time"])


def mentioned_users(cassette: Cassette) -> set[str]:
    """Ids of the users who made or edited something."""
    users = set()
    for exchange in cassette.exchanges:
        for one in shown_objects(exchange.answer):
            users |= {one[key]["id"] for key in ("created_by", "last_edited_by") if key in one}
    return users


def stubs(cassette: Cassette, prior: Prior) -> list[str]:
    """Ids of pages that requests name and no answer shows whole."""
    found: dict[str, None] = {}
    for exchange in cassette.exchanges:
        if exchange.status >= 300:
            continue
        for page_id in page_ids(exchange.body):
            found.setdefault(page_id)
        for one in shown_objects(exchange.answer):
            found.update(dict.fromkeys(page_ids(one.get("parent"))))
            found.update(dict.fromkeys(page_ids(one.get("database_parent"))))
        if exchange.path.startswith(("/v1/pages/", "/v1/blocks/")) and (ids := UUID.findall(exchange.path)):
            found.setdefault(dashed(ids[0]))
    others = {object_id for kind in KINDS if kind != "page" for object_id in prior.objects[kind]}
    return [one for one in found if one not in prior.made and one not in others]


def page_ids(value: Any) -> Iterator[str]:
    """Values of `page_id` anywhere in a body, and targets of relations."""
    if isinstance(value, list):
        for one in value:
            yield from page_ids(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in PAGE_KEYS and isinstance(one, str) and UUID.fullmatch(one):
                yield dashed(one)
            elif key == "relation" and isinstance(one, list):
                yield from (dashed(target["id"]) for target in one)
            else:
                yield from page_ids(one)
