"""Compares a recorded answer with the emulator's, ids paired; turns recorded requests into the emulator's."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
COLUMN_REFERENCE = re.compile(r"(?<=\{\{notion:block_property:)[^:]+")
TIME_KEYS = ("created_time", "last_edited_time", "expires_at", "expiry_time")
ID_KEYS = (
    "id",
    "property",
    "property_id",
    "rollup_property_id",
    "relation_property_id",
    "synced_property_id",
    "next_cursor",
    "start_cursor",
)
"""Keys of values that may be ids of columns or options, which are no uuids."""
FREE_KEYS = ("request_id",)
SHORT = 4
"""Characters of a column's id; `title`, `verification` and `verification_owner` are longer."""
HOSTS = ("https://www.notion.so/", "https://app.notion.com/p/")
Json = dict[str, Any]


def dashed(found: str) -> str:
    plain = found.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


class Pairs:
    """Which recorded id is which of the emulator's; an imported id stands for itself."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        """Recorded -> the emulator's."""
        self.back: dict[str, str] = {}
        self.seconds: dict[str, str] = {}
        """The emulator's ids that stand for a recorded one which is not theirs alone."""

    def meet(self, recorded: str, emulated: str) -> bool:
        """Whether the two may stand in one place; pairs them if neither was seen before."""
        known, known_back = self.there.get(recorded), self.back.get(emulated)
        if emulated in self.seconds:
            return self.seconds[emulated] == recorded
        if known is None and known_back is None:
            self.there[recorded], self.back[emulated] = emulated, recorded
            return True
        return known == emulated

    def is_made(self, emulated: str) -> bool:
        """Whether the emulator made this id in place of a recorded one."""
        return self.back.get(emulated, emulated) != emulated

    def path(self, path: str) -> str:
        """The path with the emulator's ids."""
        head, mark, column = path.partition("/properties/")
        return self._uuids(head) + mark + quote(self.short(column), safe="")

    def request(self, value: Any, key: str = "") -> Any:
        """A body, or part of one, with the emulator's ids."""
        if isinstance(value, dict):
            named = key == "properties"
            return {
                self.short(name) if named else name: self.request(one, name) for name, one in value.items()
            }
        if isinstance(value, list):
            return [self.request(one, key) for one in value]
        if not isinstance(value, str):
            return value
        if key in ID_KEYS and not UUID.search(value):
            return self.short(value)
        return COLUMN_REFERENCE.sub(lambda found: self.short(found[0]), self._uuids(value))

    def short(self, recorded: str) -> str:
        """The emulator's id of a column or option, for its recorded one in either form."""
        return self.there.get(unquote(recorded), recorded)

    def _uuids(self, text: str) -> str:
        return UUID.sub(self._uuid, text)

    def _uuid(self, found: re.Match[str]) -> str:
        emulated = self.there.get(dashed(found[0]))
        if emulated is None:
            return found[0]
        return emulated if "-" in found[0] else emulated.replace("-", "")


@dataclass
class Comparison:
    """Collects where an answer differs from the recorded one."""

    pairs: Pairs
    same_hosts: bool
    differences: list[str] = field(default_factory=list)

    def compare(self, place: str, recorded: Any, emulated: Any, key: str = "") -> None:
        """Adds a line per difference, `place: recorded became emulated`."""
        if type(recorded) is not type(emulated):
            self._differ(place, recorded, emulated)
        elif isinstance(recorded, dict):
            self._objects(place, recorded, emulated, key)
        elif isinstance(recorded, list):
            self._lists(place, recorded, emulated, key)
        elif isinstance(recorded, str):
            if not self._same_text(recorded, emulated, key):
                self._differ(place, recorded, emulated)
        elif recorded != emulated:
            self._differ(place, recorded, emulated)

    def _differ(self, place: str, recorded: Any, emulated: Any) -> None:
        self.differences.append(f"{place}: {str(recorded)[:150]!r} became {str(emulated)[:150]!r}")

    def _objects(self, place: str, recorded: Json, emulated: Json, key: str) -> None:
        if missing := recorded.keys() - emulated.keys():
            self.differences.append(f"{place}: without {sorted(missing)}")
        if added := emulated.keys() - recorded.keys():
            self.differences.append(f"{place}: with {sorted(added)}")
        if key == "properties" and not in_order(emulated):
            self.differences.append(f"{place}: columns out of order")
        for name in recorded.keys() & emulated.keys():
            self.compare(f"{place}/{name}", recorded[name], emulated[name], name)

    def _lists(self, place: str, recorded: list[Any], emulated: list[Any], key: str) -> None:
        if len(recorded) != len(emulated):
            self._differ(place, [named(one) for one in recorded], [named(one) for one in emulated])
            return
        for position, (one, other) in enumerate(zip(recorded, emulated, strict=True)):
            self.compare(f"{place}/{position}", one, other, key)

    def _same_text(self, recorded: str, emulated: str, key: str) -> bool:
        if key in FREE_KEYS:
            return True
        if key in TIME_KEYS:
            return time_form(recorded) == time_form(emulated)
        if self.same_hosts:
            recorded, emulated = (one.replace(HOSTS[0], HOSTS[1]) for one in (recorded, emulated))
        columns = [COLUMN_REFERENCE.findall(one) for one in (recorded, emulated)]
        pieces = [UUID.split(COLUMN_REFERENCE.sub("", one)) for one in (recorded, emulated)]
        ids = [[dashed(found) for found in UUID.findall(one)] for one in (recorded, emulated)]
        if pieces[0] != pieces[1]:
            return key in ID_KEYS and not ids[0] and not ids[1] and self._same_short(recorded, emulated)
        met = [self.pairs.meet(*pair) for pair in zip(*ids, strict=True)]
        return all(met) and all(self._same_short(*pair) for pair in zip(*columns, strict=True))

    def _same_short(self, recorded: str, emulated: str) -> bool:
        if "title" in (recorded, emulated):
            return recorded == emulated
        return self.pairs.meet(unquote(recorded), unquote(emulated))


def in_order(properties: Json) -> bool:
    """Whether columns come by their decoded ids, those whose ids are words last."""
    ids = [unquote(one["id"]) for one in properties.values() if isinstance(one, dict) and "id" in one]
    return ids == sorted(ids, key=lambda one: (len(one) > SHORT, one))


def time_form(text: str) -> str:
    """A time with its digits masked, and whether it is cut to the minute."""
    cut = ":00.000Z" if text.endswith(":00.000Z") else ""
    return re.sub(r"\d", "0", text) + cut


def named(one: Any) -> str:
    """An object of a list as messages name it: by its title or name."""
    if not isinstance(one, dict):
        return str(one)[:40]
    titles = [
        one.get("title") or [],
        *(column.get("title") or [] for column in one.get("properties", {}).values()),
    ]
    for title in titles:
        if isinstance(title, list) and title:
            return "".join(item["plain_text"] for item in title)
    return str(one.get("name") or one.get("id") or one)[:40]
