"""Comments, file uploads, emojis, meeting notes and oauth: what recordings show, and the refusals."""

import base64
import json

import pytest

from tests.notion.test_paging import HEADERS, ok, refusal, send
from tests.notion_emulator import seeds
from tests.notion_emulator.app import Emulator
from tests.notion_emulator.state import Json
from tests.notion_emulator.wire import Request


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def text(content: str) -> list[Json]:
    return [{"text": {"content": content}}]


def test_a_comment_is_shown_as_recorded(emulator):
    parent = {"page_id": emulator.root_page.id}
    made = ok(emulator, "POST", "/v1/comments", {"parent": parent, "rich_text": text("Why?")})
    assert list(made) == [
        "object",
        "id",
        "parent",
        "discussion_id",
        "created_time",
        "last_edited_time",
        "created_by",
        "rich_text",
        "display_name",
        "request_id",
    ]
    assert made["parent"] == {"type": "page_id", "page_id": emulator.root_page.id}
    assert made["display_name"] == {"type": "integration", "resolved_name": emulator.bot.name}


def test_a_discussion_goes_on_and_is_listed_oldest_first(emulator):
    parent = {"page_id": emulator.root_page.id}
    first = ok(emulator, "POST", "/v1/comments", {"parent": parent, "rich_text": text("Why?")})
    body = {"discussion_id": first["discussion_id"], "rich_text": text("Because")}
    second = ok(emulator, "POST", "/v1/comments", body)
    found = ok(emulator, "GET", "/v1/comments", block_id=emulator.root_page.id)
    assert [one["id"] for one in found["results"]] == [first["id"], second["id"]]
    path = f"/v1/comments/{first['id']}"
    assert ok(emulator, "PATCH", path, {"rich_text": text("How?")})["rich_text"][0]["plain_text"] == "How?"
    assert ok(emulator, "DELETE", path)["id"] == first["id"]
    assert send(emulator, "GET", path)[0] == 404


def test_a_comment_may_be_markdown(emulator, shapes_checked):
    body = {"parent": {"page_id": emulator.root_page.id}, "markdown": "**Because**"}
    made = ok(emulator, "POST", "/v1/comments", body)
    assert made["rich_text"][0]["plain_text"] == "Because"
    assert made["rich_text"][0]["annotations"]["bold"] is True
    # Notion's definition of March 2026 is older than comments in markdown.
    assert all("'rich_text' is a required property" in one for one in shapes_checked.errors)
    shapes_checked.errors.clear()


def test_a_comment_needs_one_place_and_words(emulator):
    parent = {"page_id": emulator.root_page.id}
    assert "body.discussion_id should be defined" in refusal(
        emulator, "POST", "/v1/comments", {"markdown": "x"}
    )
    assert "body.rich_text should be defined" in refusal(emulator, "POST", "/v1/comments", {"parent": parent})
    assert "query.block_id should be defined" in refusal(emulator, "GET", "/v1/comments")


def test_comments_of_a_page_that_is_not_shared_cannot_be_found(emulator):
    page_id = seeds.page(emulator, "Hidden")
    made = ok(emulator, "POST", "/v1/comments", {"parent": {"page_id": page_id}, "rich_text": text("x")})
    emulator.unshare(page_id)
    assert send(emulator, "GET", f"/v1/comments/{made['id']}")[0] == 404


def send_file(
    emulator: Emulator, upload_id: str, content: bytes, part: str | None = None
) -> tuple[int, Json]:
    """One multipart/form-data request, as clients make them."""
    fields = [b'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n' + content]
    if part is not None:
        fields.append(b'name="part_number"\r\n\r\n' + part.encode())
    parts = [b"--line\r\nContent-Disposition: form-data; " + field + b"\r\n" for field in fields]
    headers = HEADERS | {"content-type": "multipart/form-data; boundary=line"}
    path = f"/v1/file_uploads/{upload_id}/send"
    response = emulator.handle(Request("POST", path, [], headers, b"".join([*parts, b"--line--\r\n"])))
    return response.status, json.loads(response.body)


def test_a_file_of_one_part_is_uploaded_when_it_is_sent(emulator):
    upload = ok(emulator, "POST", "/v1/file_uploads", {"filename": "a.txt", "content_type": "text/plain"})
    assert upload["upload_url"] == f"https://api.notion.com/v1/file_uploads/{upload['id']}/send"
    assert (upload["status"], upload["content_length"]) == ("pending", None)
    status, sent = send_file(emulator, upload["id"], b"--line\n\r\n12345")
    assert (status, sent["status"]) == (200, "uploaded")
    status, again = send_file(emulator, upload["id"], b"1")
    assert (status, again["code"]) == (400, "validation_error")


def test_a_file_of_many_parts_is_uploaded_when_it_is_completed(emulator):
    body = {"mode": "multi_part", "filename": "a.txt", "number_of_parts": 2}
    upload = ok(emulator, "POST", "/v1/file_uploads", body)
    assert upload["content_type"] == "text/plain"
    complete = f"/v1/file_uploads/{upload['id']}/complete"
    status, sent = send_file(emulator, upload["id"], b"123", part="1")
    assert (status, sent["status"], sent["number_of_parts"]) == (200, "pending", {"total": 2, "sent": 1})
    assert "1 of 2 parts" in refusal(emulator, "POST", complete)
    assert send_file(emulator, upload["id"], b"", part="3")[0] == 400
    send_file(emulator, upload["id"], b"45", part="2")
    done = ok(emulator, "POST", complete)
    assert (done["status"], done["content_length"]) == ("uploaded", 5)


def test_uploads_are_listed_newest_first_and_expire_after_an_hour(emulator):
    first, second = (
        ok(emulator, "POST", "/v1/file_uploads", {"filename": name})["id"] for name in ("a.txt", "b.txt")
    )
    send_file(emulator, second, b"1")
    listed = ok(emulator, "GET", "/v1/file_uploads")
    assert [one["id"] for one in listed["results"]] == [second, first]
    emulator.clock.advance(3600)
    expired = ok(emulator, "GET", "/v1/file_uploads", status="expired")["results"]
    assert [(one["id"], one["expiry_time"]) for one in expired] == [(first, None)]
    assert "query.status should be" in refusal(emulator, "GET", "/v1/file_uploads", status="lost")


def test_a_file_from_an_address_is_there_when_looked_at_again(emulator):
    body = {"mode": "external_url", "filename": "a.pdf", "external_url": "https://example.com/a.pdf"}
    upload = ok(emulator, "POST", "/v1/file_uploads", body)
    assert upload["status"] == "pending"
    found = ok(emulator, "GET", f"/v1/file_uploads/{upload['id']}")
    assert (found["status"], found["file_import_result"]["type"]) == ("uploaded", "success")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"mode": "two_part"}, "body.mode"),
        ({"mode": "multi_part", "number_of_parts": 2}, "body.filename"),
        ({"mode": "multi_part", "filename": "a", "number_of_parts": 0}, "body.number_of_parts"),
        ({"mode": "external_url", "filename": "a", "external_url": "ftp://a"}, "body.external_url"),
    ],
)
def test_an_upload_of_the_wrong_form_is_refused(emulator, body, place):
    assert f"{place} should be" in refusal(emulator, "POST", "/v1/file_uploads", body)


def test_emojis_are_listed_by_name(emulator):
    names = ("dart", "fire")
    for name in names:
        url = f"https://example.com/{name}.png"
        emulator.ws.custom_emojis.append({"id": emulator.ws.ids.uuid(), "name": name, "url": url})
    listed = ok(emulator, "GET", "/v1/custom_emojis")
    assert list(listed) == ["object", "type", "results", "has_more", "next_cursor", "request_id"]
    assert [one["name"] for one in listed["results"]] == list(names)
    assert [one["name"] for one in ok(emulator, "GET", "/v1/custom_emojis", name="fire")["results"]] == [
        "fire"
    ]


def test_meeting_notes_are_none(emulator):
    assert ok(emulator, "POST", "/v1/blocks/meeting_notes/query", {})["results"] == []
    assert "body.limit" in refusal(emulator, "POST", "/v1/blocks/meeting_notes/query", {"limit": 0})


def oauth(emulator: Emulator, action: str, client: str, body: Json) -> tuple[int, Json]:
    basic = base64.b64encode(client.encode()).decode()
    headers = {"authorization": f"Basic {basic}", "content-type": "application/json"}
    response = emulator.handle(Request("POST", f"/v1/oauth/{action}", [], headers, json.dumps(body).encode()))
    answer = json.loads(response.body)
    assert answer.pop("request_id")
    return response.status, answer


def test_a_token_lives_from_its_code_until_it_is_revoked(emulator, shapes_checked):
    emulator.ws.oauth_clients["name"] = "secret"
    assert oauth(emulator, "token", "name:wrong", {}) == (401, {"error": "invalid_client"})
    code = {"grant_type": "authorization_code", "code": "c"}
    status, given = oauth(emulator, "token", "name:secret", code)
    assert (status, given["token_type"], given["bot_id"]) == (200, "bearer", emulator.bot.id)
    token = {"token": given["access_token"]}
    assert oauth(emulator, "introspect", "name:secret", token)[1]["active"] is True
    assert oauth(emulator, "revoke", "name:secret", token) == (200, {})
    assert oauth(emulator, "introspect", "name:secret", token) == (200, {"active": False})
    assert oauth(emulator, "token", "name:secret", {"grant_type": "x"})[0] == 400
    # The refusal of a client has a form of its own, as seen live.
    assert all("/v1/oauth/token" in one and "a 401" in one for one in shapes_checked.errors)
    shapes_checked.errors.clear()
