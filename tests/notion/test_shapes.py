"""The two witnesses of shape: what they say of real traffic, and that they see what is wrong."""

import copy
import json
from collections import Counter

import pytest

from tests.notion import shapes
from tests.notion.recordings import Exchange, cassettes
from tests.notion_emulator.wire import Request, Response

PAGE = "393abc1e-edcd-80f3-813b-e205934558c6"


def real_exchanges() -> list[Exchange]:
    return [exchange for cassette in cassettes() for exchange in cassette.exchanges]


def said(exchange: Exchange, answer: object, body: object = None) -> list[str]:
    return shapes.shape_errors(
        exchange.method, exchange.path, exchange.status, body, answer, exchange.version
    )


def first(method: str, path: str, version: str = "2026-03-11") -> Exchange:
    """A real exchange to break."""
    wanted = (method, path, 200, version)
    full = (one for one in real_exchanges() if one.answer.get("results") != [])
    return next(x for x in full if (x.method, shapes.bare(x.path), x.status, x.version) == wanted)


def test_all_real_traffic_has_the_right_shape():
    """683 of 683 real exchanges pass, requests and answers, on both witnesses."""
    exchanges = real_exchanges()
    errors = [error for one in exchanges for error in said(one, one.answer, one.body)]
    assert len(exchanges) == 683
    assert errors == []


def test_how_much_of_the_traffic_each_witness_looks_at():
    looked_at: Counter[str] = Counter()
    for one in real_exchanges():
        if one.status == 200:
            _, operation = shapes.openapi_operation(one.method, one.path)
            looked_at["OpenAPI"] += operation is not None and "200" in operation["responses"]
            looked_at["SDK"] += f"{one.method} {shapes.bare(one.path)}" in shapes.SDK_TYPES
    assert looked_at == {"OpenAPI": 643, "SDK": 644}


BROKEN = {
    "a page without its parent": ("GET", "/v1/pages/{}", lambda body: body.pop("parent")),
    "a page with a trash of null": ("GET", "/v1/pages/{}", lambda body: body.update(in_trash=None)),
    "a page with a number for a time": ("GET", "/v1/pages/{}", lambda body: body.update(created_time=5)),
    "a title that is no list": (
        "GET",
        "/v1/pages/{}",
        lambda body: body["properties"].update(title={"id": "title", "type": "title", "title": "text"}),
    ),
    "a page that is a database": ("GET", "/v1/pages/{}", lambda body: body.update(object="database")),
    "a row of an unknown type": (
        "POST",
        "/v1/data_sources/{}/query",
        lambda body: body["results"][0]["properties"].update(X={"id": "x", "type": "y", "y": 1}),
    ),
    "a query without has_more": ("POST", "/v1/data_sources/{}/query", lambda body: body.pop("has_more")),
    "a database without data sources": ("POST", "/v1/databases", lambda body: body.pop("data_sources")),
    "a column without its name": (
        "GET",
        "/v1/data_sources/{}",
        lambda body: next(iter(body["properties"].values())).pop("name"),
    ),
    "a search that is no list": ("POST", "/v1/search", lambda body: body.update(object="page")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_seen(name):
    method, path, spoil = BROKEN[name]
    exchange = first(method, path)
    answer = copy.deepcopy(exchange.answer)
    spoil(answer)
    assert said(exchange, exchange.answer) == []
    assert said(exchange, answer) != []


def test_a_request_that_should_not_have_been_accepted_is_seen():
    exchange = first("POST", "/v1/data_sources/{}/query")
    body = {"sorts": [{"property": "Name", "direction": "upwards"}]}
    assert said(exchange, exchange.answer, {"sorts": []}) == []
    assert any("upwards" in error or "sorts" in error for error in said(exchange, exchange.answer, body))


def test_a_refused_request_is_not_held_to_the_schemas():
    error = {
        "object": "error",
        "status": 400,
        "code": "validation_error",
        "message": "no",
        "request_id": PAGE,
    }
    assert shapes.shape_errors("POST", "/v1/pages", 400, {"parent": 5}, error, "2026-03-11") == []


@pytest.mark.parametrize("key", ["object", "status", "code", "message", "request_id"])
def test_an_error_has_all_its_keys(key):
    error = {
        "object": "error",
        "status": 400,
        "code": "validation_error",
        "message": "no",
        "request_id": PAGE,
    }
    assert list(shapes.error_errors(400, error)) == []
    del error[key]
    assert list(shapes.error_errors(400, error)) != []


def test_only_gateways_answer_without_json():
    assert list(shapes.error_errors(502, None)) == []
    assert list(shapes.error_errors(404, None)) != []


def test_bodies_that_differ_in_texts_alone_have_one_signature():
    exchange = first("GET", "/v1/pages/{}")
    text = json.dumps(exchange.answer)
    other = json.loads(text.replace(exchange.answer["id"], PAGE))
    reduced = shapes.structure().reduced
    assert reduced(exchange.answer)[0] == reduced(other)[0]
    other["in_trash"] = "false"
    assert reduced(exchange.answer)[0] != reduced(other)[0]


def test_lengths_at_a_limit_are_told_apart():
    reduced = shapes.structure().reduced
    assert reduced("x" * 2000)[0] != reduced("x" * 2001)[0]
    assert reduced([1] * 100)[0] != reduced([1] * 101)[0]


class Watched:
    """The least that can be observed."""

    def __init__(self):
        self.observers = []


def test_the_checker_collects_what_is_wrong():
    watched = Watched()
    checker = shapes.checked(watched)
    headers = {"content-type": "application/json"}
    request = Request("GET", f"/v1/pages/{PAGE}", [], {"notion-version": "2026-03-11"}, b"")
    for observe in watched.observers:
        observe(request, Response(200, headers, b"{}"))
    assert checker.seen == 1
    assert len(checker.errors) == 2
