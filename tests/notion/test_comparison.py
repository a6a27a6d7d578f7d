"""What the comparison of a recorded with an emulated answer lets pass, and what it does not."""

import pytest

from tests.notion.comparison import Comparison, Pairs

A, B, C, D = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "abcd")


def differences(recorded, emulated, pairs=None, same_hosts=False):
    comparison = Comparison(pairs or Pairs(), same_hosts)
    comparison.compare("", recorded, emulated)
    return comparison.differences


SAME = {
    "ids that meet again": ({"id": A, "parent": A}, {"id": B, "parent": B}),
    "request ids": ({"request_id": A, "id": A}, {"request_id": C, "id": B}),
    "times of one form": (
        {"created_time": "2026-07-04T09:10:00.000Z"},
        {"created_time": "2026-01-01T00:59:00.000Z"},
    ),
    "ids in urls": (
        {"id": A, "url": f"https://x/T-{A.replace('-', '')}"},
        {"id": B, "url": f"https://x/T-{B.replace('-', '')}"},
    ),
    "ids of columns": ({"id": "%3Fab", "property_id": "?ab"}, {"id": "wxyz", "property_id": "wxyz"}),
    "any order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
}
OTHER = {
    "an id that was another before": ({"id": A, "parent": A}, {"id": B, "parent": C}),
    "one id for two": ({"id": A, "parent": B}, {"id": C, "parent": C}),
    "another time form": (
        {"created_time": "2026-07-04T09:10:00.000Z"},
        {"created_time": "2026-07-04T09:10:18.464+00:00"},
    ),
    "a time that is not cut": (
        {"created_time": "2026-07-04T09:10:00.000Z"},
        {"created_time": "2026-07-04T09:10:30.000Z"},
    ),
    "a date of a user": ({"start": "2026-07-04"}, {"start": "2026-07-05"}),
    "a text": ({"plain_text": "x"}, {"plain_text": "y"}),
    "a missing key": ({"a": 1, "b": None}, {"a": 1}),
    "an added key": ({"a": 1}, {"a": 1, "b": None}),
    "null for a list": ({"a": []}, {"a": None}),
    "a float for an integer": ({"a": 8}, {"a": 8.0}),
    "1 for true": ({"a": True}, {"a": 1}),
    "another order": ([1, 2], [2, 1]),
    "a shorter list": ([1, 2], [1]),
    "the slug of a url": ({"url": f"https://x/T-{A}"}, {"url": f"https://x/U-{B}"}),
    "the title's id": ({"id": "title"}, {"id": "wxyz"}),
    "a cursor for none": ({"next_cursor": None}, {"next_cursor": A}),
    "columns out of order": (
        {"properties": {"X": {"id": "a"}, "Y": {"id": "b"}}},
        {"properties": {"X": {"id": "b"}, "Y": {"id": "a"}}},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_these_are_the_same(name):
    assert differences(*SAME[name]) == []


@pytest.mark.parametrize("name", OTHER)
def test_these_differ(name):
    assert differences(*OTHER[name]) != []


def test_hosts_are_one_only_where_the_origin_replaced_them():
    pair = {"url": "https://www.notion.so/T"}, {"url": "https://app.notion.com/p/T"}
    assert differences(*pair, same_hosts=True) == []
    assert differences(*pair) != []


def test_requests_are_told_with_the_emulators_ids():
    pairs = Pairs()
    pairs.meet(A, B)
    pairs.meet("?ab", "wxyz")
    assert pairs.path(f"/v1/pages/{A}/properties/%3Fab") == f"/v1/pages/{B}/properties/wxyz"
    body = {"parent": {"page_id": A.replace("-", "")}, "properties": {"%3Fab": {"id": "?ab", "name": "?ab"}}}
    assert pairs.request(body) == {
        "parent": {"page_id": B.replace("-", "")},
        "properties": {"wxyz": {"id": "wxyz", "name": "?ab"}},
    }
