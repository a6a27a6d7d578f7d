"""What a request must pass before a handler sees it: route, JSON, token, version, path ids."""

import json
import re
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.notion_emulator import problems
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.routes import PLAIN_PARAMETERS, ROUTES, Route
from tests.notion_emulator.state import Json, Workspace, normalised
from tests.notion_emulator.wire import Request

VERSIONS = ("2025-09-03", "2026-03-11")
OLD_VERSIONS = ("2021-05-11", "2021-05-13", "2021-08-16", "2022-02-22", "2022-06-28")
MOST_BYTES = 500 * 1024
OTHER_BODIES = ("multipart/form-data", "application/x-www-form-urlencoded", "application/octet-stream")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NIL = "00000000-0000-0000-0000-000000000000"


def find_route(request: Request) -> tuple[Route, dict[str, str]] | None:
    """The operation and its path parameters, percent-decoded; None if nobody answers this path and method."""
    for route in ROUTES:
        match = route.pattern.match(request.path) if route.method == request.method else None
        if match is not None:
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def needs_token(route: Route) -> bool:
    """All but oauth, which has credentials of its own."""
    return not route.template.startswith("/v1/oauth/")


def parsed_body(request: Request) -> Json:
    """The JSON object that was sent, {} where none was; other kinds of body stay in `Call.raw`.

    Raises 400 invalid_json (observed live); 413 past 500 KB (status reported in public threads, limit
    documented, text assumed).
    """
    if request.method == "GET" or request.headers.get("content-type", "").startswith(OTHER_BODIES):
        return {}
    if len(request.body) > MOST_BYTES:
        raise Problem(413, "validation_error", f"Request body should be at most {MOST_BYTES} bytes.")
    if not request.body.strip():
        return {}
    try:
        body = json.loads(request.body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Problem(400, "invalid_json", "Error parsing JSON body.") from None
    if not isinstance(body, dict):
        raise problems.validation(
            f"body failed validation: body should be an object, instead was `{json.dumps(body)}`."
        )
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def bearer(request: Request) -> str | None:
    """The token, or None when the header is absent or of another form."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def version_of(request: Request, ws: Workspace, parameters: dict[str, str]) -> str:
    """The version asked for (`missing_version` is observed; the text for an invented version is assumed)."""
    version = request.headers.get("notion-version")
    if not version:
        raise _wrong_version("missing_version", "defined", "`undefined`")
    if version in OLD_VERSIONS:
        raise _too_old(version, ws, parameters)
    if version not in VERSIONS:
        known = " or ".join(f'`"{one}"`' for one in VERSIONS)
        raise _wrong_version("validation_error", known, f'`"{version}"`')
    return version


def _wrong_version(code: str, want: str, got: str) -> Problem:
    start = "Notion-Version header failed validation: Notion-Version header"
    return Problem(400, code, f"{start} should be {want}, instead was {got}.")


def _too_old(version: str, ws: Workspace, parameters: dict[str, str]) -> Problem:
    """The refusal of a database with several data sources, or a text of the emulator's own.

    The refusal's text is reported (langgenius/dify-official-plugins issue 2167), its code and the key
    `error_type` documented, all else in its additional data assumed.
    """
    for object_id in parameters.values():
        database = ws.databases.get(normalised(object_id) or "")
        if database is not None and len(database.data_sources) > 1:
            additional: dict[str, Any] = {
                "error_type": "multiple_data_sources_for_database",
                "database_id": database.id,
                "child_data_source_ids": list(database.data_sources),
                "minimum_api_version": VERSIONS[0],
            }
            message = "Databases with multiple data sources are not supported in this API version."
            return Problem(400, "validation_error", message, additional)
    return problems.validation(
        f"This emulator does not speak version {version}; {VERSIONS[0]} is the oldest."
    )


def path_ids(parameters: dict[str, str]) -> dict[str, str]:
    """Uuids with dashes; raises for what is none (observed: recorded). Parameters that are no uuids stay."""
    return {
        name: value if name in PLAIN_PARAMETERS else _path_id(name, value)
        for name, value in parameters.items()
    }


def _path_id(name: str, value: str) -> str:
    object_id = normalised(value)
    if object_id is None or not (UUID.fullmatch(object_id) or object_id == NIL):
        raise problems.should_be(f"path.{name}", "a valid uuid", value, part="path")
    return object_id
