"""Options of select, multi_select and status columns: made, replaced, picked."""

from typing import Any

from tests.notion_emulator import problems, rich_text
from tests.notion_emulator.state import Json, Property, Workspace

MOST_NAME = 100
"""Characters of an option's name (observed: reported in a public thread, dvanoni/notero issue 427)."""
TYPES = ("select", "multi_select", "status")
GROUPS = (("To-do", "gray"), ("In progress", "blue"), ("Complete", "green"))
STATUSES = (("Not started", "default"), ("In progress", "blue"), ("Done", "green"))


def config(ws: Workspace, kind: str, given: Json, place: str) -> Json:
    """What a new column of this kind holds."""
    if kind == "status" and "options" not in given:
        options = [_made(ws, name, color) for name, color in STATUSES]
        return {"options": options, "groups": _groups(ws, [[option] for option in options])}
    options = _listed(ws, given.get("options", []), [], f"{place}.options")
    if kind == "status":
        return {"options": options, "groups": _groups(ws, [options, [], []])}
    return {"options": options}


def replace(ws: Workspace, prop: Property, given: Json, place: str) -> None:
    """PATCH of a column's options: the list is the new list (observed: recorded).

    An option that is named again, or whose id is, stays as it is: a new name is ignored and a new colour
    refused (reported). New status options join the group To-do (documented). A column past the ceiling
    takes no write at all (reported).
    """
    if "options" not in given:
        return
    old = prop.config["options"]
    if len(old) > ws.knobs.option_ceiling:
        raise problems.too_long(f"{place}.options", ws.knobs.option_ceiling, len(old))
    options = _listed(ws, given["options"], old, f"{place}.options")
    prop.config = {**prop.config, "options": options}
    if prop.type == "status":
        _regroup(prop, options)


def pick(ws: Workspace, prop: Property, given: Json, place: str) -> str:
    """The id of the option that a page write names.

    An unknown name makes a new option in select and multi_select (documented, not observed), however many
    there are; its colour is one of the ten in turn (assumed). In status it is refused (reported).
    """
    options = prop.config["options"]
    if given.get("name") is None:
        return _known(options, given, place)
    name = _name(given["name"], f"{place}.name")
    found = next((option for option in options if option["name"] == name), None)
    if found is not None:
        return found["id"]
    if prop.type == "status":
        raise problems.validation(f'Invalid status option. Status option "{name}" does not exist".')
    color = given.get("color") or rich_text.COLORS[len(options) % len(rich_text.COLORS)]
    made = _made(ws, name, _color(color, f"{place}.color"))
    prop.config = {**prop.config, "options": [*options, made]}
    return made["id"]


def shown(prop: Property, option_id: str | None) -> Json | None:
    """An option as a page shows it; None for one that is no longer there."""
    for option in prop.config["options"]:
        if option["id"] == option_id:
            return {"id": option_id, "name": option["name"], "color": option["color"]}
    return None


def default_status(prop: Property) -> str | None:
    """The option that an empty status shows: the first of the first group that has any (documented)."""
    ids = [option_id for group in prop.config.get("groups", []) for option_id in group["option_ids"]]
    return ids[0] if ids else None


def _known(options: list[Json], given: Json, place: str) -> str:
    option_id = given.get("id")
    if option_id is None:
        raise problems.fix_one([f"{place}.{key}" for key in ("id", "name")])
    if not any(option["id"] == option_id for option in options):
        raise problems.validation(f"{problems.shown(option_id)} is an invalid select option.")
    return option_id


def _listed(ws: Workspace, given: Any, old: list[Json], place: str) -> list[Json]:
    if not isinstance(given, list):
        raise problems.should_be(place, "an array", given)
    if len(given) > ws.knobs.option_ceiling:
        raise problems.too_long(place, ws.knobs.option_ceiling, len(given))
    options: list[Json] = []
    for number, one in enumerate(given):
        option = _listed_option(ws, one, old, f"{place}[{number}]")
        if all(option["name"] != other["name"] for other in options):
            options.append(option)
    return options


def _listed_option(ws: Workspace, one: Any, old: list[Json], place: str) -> Json:
    if not isinstance(one, dict):
        raise problems.should_be(place, "an object", one)
    by = "id" if one.get("id") is not None else "name"
    found = next((option for option in old if option[by] == one.get(by)), None)
    if found is not None:
        if one.get("color", found["color"]) != found["color"]:
            raise problems.validation(f"Cannot update color of select with {by}: {one[by]}.")
        return {**found, "description": one.get("description", found["description"])}
    if one.get("name") is None:
        raise problems.should_be(f"{place}.name", "defined")
    made = _made(
        ws, _name(one["name"], f"{place}.name"), _color(one.get("color", "default"), f"{place}.color")
    )
    return {**made, "description": one.get("description")}


def _name(name: Any, place: str) -> str:
    if not isinstance(name, str):
        raise problems.should_be(place, "a string", name)
    if "," in name:
        raise problems.validation(f"Invalid select option, commas not allowed: {name}")
    if not name:
        raise problems.validation(
            f"body failed validation: {place}.length should be \u2265 `1`, instead was `0`."
        )
    if rich_text.length(name) > MOST_NAME:
        raise problems.too_long(place, MOST_NAME, rich_text.length(name))
    return name


def _color(color: Any, place: str) -> str:
    if color not in rich_text.COLORS:
        wanted = ", ".join(f'`"{name}"`' for name in rich_text.COLORS)
        raise problems.should_be(place, f"{wanted}, or `undefined`", color)
    return color


def _made(ws: Workspace, name: str, color: str) -> Json:
    return {"id": ws.ids.uuid(), "name": name, "color": color, "description": None}


def _groups(ws: Workspace, members: list[list[Json]]) -> list[Json]:
    return [
        {"id": ws.ids.uuid(), "name": name, "color": color, "option_ids": [option["id"] for option in inside]}
        for (name, color), inside in zip(GROUPS, members, strict=True)
    ]


def _regroup(prop: Property, options: list[Json]) -> None:
    kept = [option["id"] for option in options]
    known = {option_id for group in prop.config["groups"] for option_id in group["option_ids"]}
    groups = [
        {**group, "option_ids": [one for one in group["option_ids"] if one in kept]}
        for group in prop.config["groups"]
    ]
    if groups:
        groups[0]["option_ids"] += [one for one in kept if one not in known]
    prop.config["groups"] = groups
