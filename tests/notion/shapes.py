"""Two witnesses for the shape of exchanges: Notion's OpenAPI document and the types of its JavaScript SDK.

`shape_errors(...)` lists what either finds wrong; `checked(emulator)` has all its answers checked.

Both are read loosely, because genuine traffic fails them read literally (`test_shapes.py` has the rates):

* closed objects are opened, and the OpenAPI's `oneOf` is read as `anyOf`;
* `request_id` is part of every body and of no schema;
* the SDK's types call `archived` required, which the API sends at 2025-09-03 only;
* neither knows the columns `button`, `place` and `verification` of a data source, nor the OpenAPI of March
  2026 their values: they are taken out before; it lacks views and tasks too and is not asked about those;
* the API accepts a bare array as a page's title;
* filters, sorts and quick filters of views are records of nothing in the SDK's types, yet described;
* the OpenAPI of March 2026 lacks a search's sort by relevance and a filter of the trash alone;
* a column that outgrew 100 options (people make them in the app; 931 were reported) is shown with all of
  them, and the OpenAPI counts to 100: the rest is taken out before;
* errors are held to the one shape they all have, for neither lists all of them.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from tests.notion.recordings import openapi, sdk_schemas
from tests.notion.structure import Structure, members

Json = dict[str, Any]

WHOLE_TYPES = {
    "page": "PageObjectResponse",
    "data_source": "DataSourceObjectResponse",
    "block": "DeleteBlockResponse",
}
ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
UNKNOWN = ("button", "place", "verification")
BODY_ID = {
    "pages": "page_id",
    "databases": "database_id",
    "data_sources": "data_source_id",
    "views": "view_id",
}
SDK_TYPES: dict[str, tuple[str | None, str]] = {
    "POST /v1/pages": ("CreatePageParameters", "PageObjectResponse"),
    "GET /v1/pages/{}": (None, "PageObjectResponse"),
    "PATCH /v1/pages/{}": ("UpdatePageParameters", "PageObjectResponse"),
    "POST /v1/pages/{}/move": ("MovePageParameters", "PageObjectResponse"),
    "GET /v1/pages/{}/properties/{}": (None, "GetPagePropertyResponse"),
    "GET /v1/pages/{}/markdown": (None, "GetPageMarkdownResponse"),
    "POST /v1/databases": ("CreateDatabaseParameters", "DatabaseObjectResponse"),
    "GET /v1/databases/{}": (None, "DatabaseObjectResponse"),
    "PATCH /v1/databases/{}": ("UpdateDatabaseParameters", "DatabaseObjectResponse"),
    "POST /v1/data_sources": ("CreateDataSourceParameters", "DataSourceObjectResponse"),
    "GET /v1/data_sources/{}": (None, "DataSourceObjectResponse"),
    "PATCH /v1/data_sources/{}": ("UpdateDataSourceParameters", "DataSourceObjectResponse"),
    "POST /v1/data_sources/{}/query": ("QueryDataSourceParameters", "QueryDataSourceResponse"),
    "GET /v1/data_sources/{}/templates": (None, "ListDataSourceTemplatesResponse"),
    "POST /v1/search": ("SearchParameters", "SearchResponse"),
    "GET /v1/users": (None, "ListUsersResponse"),
    "GET /v1/users/me": (None, "GetSelfResponse"),
    "GET /v1/users/{}": (None, "GetUserResponse"),
    "GET /v1/views": (None, "ListDatabaseViewsResponse"),
    "POST /v1/views": ("CreateViewParameters", "DataSourceViewObjectResponse"),
    "GET /v1/views/{}": (None, "DataSourceViewObjectResponse"),
    "PATCH /v1/views/{}": ("UpdateViewParameters", "DataSourceViewObjectResponse"),
    "DELETE /v1/views/{}": (None, "PartialDataSourceViewObjectResponse"),
    "POST /v1/views/{}/queries": (None, "ViewQueryResponse"),
    "GET /v1/views/{}/queries/{}": (None, "GetViewQueryResultsResponse"),
    "DELETE /v1/views/{}/queries/{}": (None, "DeleteViewQueryResponse"),
    "GET /v1/async_tasks/{}": (None, "GetAsyncTaskResponse"),
    "GET /v1/blocks/{}": (None, "DeleteBlockResponse"),
    "PATCH /v1/blocks/{}": (None, "DeleteBlockResponse"),
    "DELETE /v1/blocks/{}": (None, "DeleteBlockResponse"),
}
"""Operation -> the SDK's types of its request and its answer. A block has the type of what DELETE answers."""


SEEN: dict[Any, list[str]] = {}
"""What was said of exchanges that look alike: their operation, status and the signatures of both bodies."""


def shape_errors(
    method: str, path: str, status: int, request_body: Any, body: Any, version: str
) -> list[str]:
    """What is wrong with an exchange, one line each; a request counts only if it was accepted.

    `version` is named in the messages.
    """
    asked, asked_smaller = structure().reduced(request_body)
    answered, smaller = structure().reduced(body)
    alike = (method, bare(path), status, asked, answered)
    if alike not in SEEN:
        exchange = (method, path, status, asked_smaller, smaller)
        openapi_says = [f"OpenAPI: {error}" for error in openapi_errors(*exchange)]
        SEEN[alike] = openapi_says + [f"SDK: {error}" for error in sdk_errors(*exchange)]
    return [f"{method} {path} ({version}): {error}" for error in SEEN[alike]]


def openapi_errors(method: str, path: str, status: int, request_body: Any, body: Any) -> Iterator[str]:
    """What Notion's OpenAPI document says against an exchange."""
    if status >= 400:
        yield from error_errors(status, body)
        return
    template, operation = openapi_operation(method, path)
    if operation is None:
        return
    if isinstance(request_body, dict) and request_body and "requestBody" in operation:
        asked = without_newer(without_unknown(with_title(request_body)))
        yield from cached_errors(("openapi request", method, template), asked)
    if str(status) in operation["responses"] and isinstance(body, dict):
        answer = without_more_options(without_unknown(body))
        yield from cached_errors(("openapi answer", method, template, str(status)), answer)


def sdk_errors(method: str, path: str, status: int, request_body: Any, body: Any) -> Iterator[str]:
    """What the SDK's types say against an exchange."""
    if status != 200:
        return
    asked, answered = SDK_TYPES.get(f"{method} {bare(path)}", (None, None))
    if asked is not None and isinstance(request_body, dict):
        yield from cached_errors(("sdk", asked), with_path_id(path, with_title(request_body)))
    if answered is not None:
        yield from cached_errors(("sdk", answered), without_unknown(body, is_unknown_column))
    if isinstance(body, dict):
        for one in body.get("results") or ():
            yield from result_errors(one)


def result_errors(one: Any) -> Iterator[str]:
    """What the SDK's types say against a whole object in a list: the list's own type accepts partial ones."""
    kind = WHOLE_TYPES.get(one.get("object")) if isinstance(one, dict) and "created_time" in one else None
    if kind is not None:
        yield from cached_errors(("sdk", kind), without_unknown(one, is_unknown_column))


def error_errors(status: int, body: Any) -> Iterator[str]:
    """What is wrong with a refusal. A gateway's own answer may be no JSON at all."""
    if not isinstance(body, dict):
        if status not in (502, 503, 504, 529):
            yield f"a {status} without a JSON object: {body!r}"
        return
    wanted = {"object": str, "status": int, "code": str, "message": str, "request_id": str}
    for key, kind in wanted.items():
        if not isinstance(body.get(key), kind):
            yield f"a {status} with {key} {body.get(key)!r}"
    if body.get("object") != "error" or body.get("status") != status:
        yield f"a {status} that says {body.get('object')!r}, {body.get('status')!r}"
    for key in body.keys() - wanted.keys() - {"additional_data"}:
        yield f"a {status} with an unknown key {key}"


def bare(path: str) -> str:
    """The path with its ids taken out."""
    path = re.sub(r"(/properties/|/async_tasks/).*", r"\1{}", path)
    return ID.sub("{}", path)


def with_title(body: Json) -> Json:
    """The body with a page's bare title in the written form."""
    properties = body.get("properties")
    if not isinstance(properties, dict) or not any(isinstance(value, list) for value in properties.values()):
        return body
    full = {
        name: {"title": value} if isinstance(value, list) else value for name, value in properties.items()
    }
    return body | {"properties": full}


def without_more_options(body: Json) -> Json:
    """A data source whose columns show 100 options at most."""
    if body.get("object") != "data_source":
        return body
    columns = {name: column | {column["type"]: cut(column)} for name, column in body["properties"].items()}
    return body | {"properties": columns}


def cut(column: Json) -> Any:
    """What a column is, its first 100 options alone."""
    details = column[column["type"]]
    if isinstance(details, dict) and isinstance(details.get("options"), list):
        return details | {"options": details["options"][:100]}
    return details


def without_newer(body: Json) -> Json:
    """The body without a sort or filter of search that came after March 2026."""
    newer = {"sort": {"property"}, "filter": {"in_trash"}}
    return {
        key: value
        for key, value in body.items()
        if not (key in newer and isinstance(value, dict) and value.keys() == newer[key])
    }


def with_path_id(path: str, body: Json) -> Json:
    """The SDK's parameters are those of the path and those of the body in one object."""
    parts = path.split("/")
    return body | {BODY_ID[parts[2]]: parts[3]} if len(parts) > 3 and parts[2] in BODY_ID else body


def is_unknown(value: Any) -> bool:
    """Whether this is a column, or a value in one, of a type the OpenAPI lacks."""
    return isinstance(value, dict) and any(
        kind in value and (value.get("type") == kind or len(value) == 1) for kind in UNKNOWN
    )


def is_unknown_column(value: Any) -> bool:
    """Whether this is a column of a type the SDK's data sources lack; its pages know the values."""
    return is_unknown(value) and "name" in value


def without_unknown(body: Any, unknown: Callable[[Any], bool] = is_unknown) -> Any:
    """The body without the columns that a witness does not know."""
    if isinstance(body, list):
        return [without_unknown(one, unknown) for one in body]
    if not isinstance(body, dict):
        return body
    return {key: without_unknown(value, unknown) for key, value in body.items() if not unknown(value)}


@cache
def openapi_operation(method: str, path: str) -> tuple[str, Json | None]:
    """The path's template and the operation, or None where the document has none."""
    templates = sorted(openapi()["paths"], key=lambda template: template.count("{"))
    for template in templates:
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in openapi()["paths"][template]:
            return template, openapi()["paths"][template][method.lower()]
    return "", None


@cache
def structure() -> Structure:
    return Structure([openapi(), sdk_schemas()])


KNOWN: dict[tuple[Any, Any], tuple[str, ...]] = {}
"""(which validator, signature of the body) -> what it said."""


def cached_errors(which: tuple[str, ...], body: Any) -> tuple[str, ...]:
    """What a validator says against a body; bodies with one signature are validated once."""
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key != "request_id"}
    signature, smaller = structure().reduced(body)
    if (which, signature) not in KNOWN:
        error = deepest(validator(which).iter_errors(smaller))
        KNOWN[which, signature] = () if error is None else (said(error),)
    return KNOWN[which, signature]


def deepest(errors: Iterator[ValidationError]) -> ValidationError | None:
    """The error nearest to its cause: of the branches of an `anyOf` the one that came furthest."""
    error = min(errors, key=lambda one: len(one.path), default=None)
    while error is not None and error.context:
        error = max(error.context, key=lambda one: len(one.absolute_path))
    return error


def said(error: ValidationError) -> str:
    return "/".join(map(str, error.absolute_path)) + ": " + error.message[:200]


@cache
def validator(which: tuple[str, ...]) -> Validator:
    """The compiled validator of a request or an answer."""
    if which[0] == "sdk":
        return Draft7Validator(loose_sdk()[which[1]])
    kind, method, template, *status = which
    operation = loose_openapi()["paths"][template][method.lower()]
    holder = operation["requestBody"] if kind == "openapi request" else operation["responses"][status[0]]
    schema = holder["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": loose_openapi()["components"]})


@cache
def loose_openapi() -> Json:
    """The OpenAPI document with its closed objects opened and `oneOf` read as `anyOf`."""
    text = json.dumps(openapi()).replace('"oneOf":', '"anyOf":')
    return json.loads(text.replace('"additionalProperties": false', '"additionalProperties": true'))


@cache
def loose_sdk() -> dict[str, Json]:
    """The SDK's types with their closed objects opened, free objects free and `archived` optional."""
    text = json.dumps(sdk_schemas()).replace('"additionalProperties": false', '"additionalProperties": true')
    loose = json.loads(text)
    for schema in members(loose):
        if "description" in schema and str(schema.get("$ref")).endswith("never%3E"):
            del schema["$ref"]
        required = schema.get("required")
        if isinstance(required, list) and "archived" in required:
            required.remove("archived")
    return loose


class Asked(Protocol):
    """A request as the emulator takes it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answered(Protocol):
    """A response as the emulator gives it."""

    status: int
    headers: dict[str, str]
    body: bytes


class Observed(Protocol):
    """What has observers of its exchanges: an emulator, or its class."""

    observers: list[Callable[[Any, Any], None]]


@dataclass
class Checker:
    """Looks at exchanges and collects what is wrong with them: `wrong` of the `seen`."""

    errors: list[str] = field(default_factory=list)
    seen: int = 0
    wrong: int = 0

    def __call__(self, request: Asked, response: Answered) -> None:
        """An observer of an emulator. Answers that are no JSON are no objects."""
        if response.status == 0:
            return
        self.seen += 1
        body = parsed(response.body, response.headers)
        version = request.headers.get("notion-version", "no version")
        asked = parsed(request.body, request.headers)
        found = shape_errors(request.method, request.path, response.status, asked, body, version)
        self.errors += found
        self.wrong += bool(found)


def parsed(body: bytes, headers: dict[str, str]) -> Any:
    """The JSON of a body, or None."""
    if "json" not in headers.get("content-type", "json"):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def checked(emulator: Observed) -> Checker:
    """From here on every answer of this emulator is looked at."""
    checker = Checker()
    emulator.observers.append(checker)
    return checker
