"""File uploads: made, sent in one part or many, completed. Bytes are counted, not kept.

Observed (recorded by notion-sdk-py in cassettes that are not in `tests/data/notion`, so nothing is replayed):
the object in every state shown here, list order (newest first). Texts of refusals: assumed.
"""

import mimetypes
import re
from datetime import datetime, timedelta

from tests.notion_emulator import paging, problems
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json, milliseconds, seconds_cut

LIFE = timedelta(hours=1)
MOST_PARTS = 1000
MODES = ("single_part", "multi_part", "external_url")
ORIGIN = "https://api.notion.com"


@route("POST", "/v1/file_uploads")
def create_file_upload(call: Call) -> Json:
    problems.refuse_unknown(
        call.body, ("mode", "filename", "content_type", "number_of_parts", "external_url")
    )
    mode = call.body.get("mode", "single_part")
    _refuse_wrong(call.body, mode)
    name = call.body.get("filename")
    guessed = mimetypes.guess_type(name)[0] if name else None
    upload = {
        "id": call.ws.ids.uuid(),
        "mode": mode,
        "made": call.now,
        "edited": call.now,
        "by": call.actor,
        "status": "pending",
        "filename": name,
        "content_type": call.body.get("content_type", guessed),
        "content_length": None,
        "parts": {},
        "total": call.body.get("number_of_parts", 1),
    }
    call.ws.file_uploads[upload["id"]] = upload
    return rendered(call, upload)


@route("GET", "/v1/file_uploads")
def list_file_uploads(call: Call) -> Json:
    status = dict(call.query).get("status")
    statuses = ("pending", "uploaded", "expired", "failed")
    if status is not None and status not in statuses:
        names = ", ".join(f'`"{one}"`' for one in statuses)
        raise problems.should_be("query.status", f"{names}, or `undefined`", status, part="query")
    for upload in call.ws.file_uploads.values():
        _age(call.now, upload)
    newest = [one for one in reversed(call.ws.file_uploads.values()) if status in (None, one["status"])]
    return paging.listing(call, newest, lambda one: rendered(call, one), "file_upload", source="query")


@route("GET", "/v1/file_uploads/{file_upload_id}")
def retrieve_file_upload(call: Call) -> Json:
    return rendered(call, _found(call))


@route("POST", "/v1/file_uploads/{file_upload_id}/send")
def send_file_upload(call: Call) -> Json:
    upload = _found(call)
    if upload["status"] != "pending":
        raise problems.validation(f"File upload is not pending: its status is {upload['status']}.")
    form = multipart(call.headers.get("content-type", ""), call.raw)
    if "file" not in form:
        raise problems.should_be("body.file", "defined")
    content = form["file"]
    if upload["mode"] == "single_part":
        upload["status"], upload["content_length"] = "uploaded", len(content)
    else:
        upload["parts"][_part_number(form, upload["total"])] = len(content)
    upload["edited"] = call.now
    return rendered(call, upload)


@route("POST", "/v1/file_uploads/{file_upload_id}/complete")
def complete_file_upload(call: Call) -> Json:
    upload = _found(call)
    if upload["mode"] != "multi_part" or len(upload["parts"]) < upload["total"]:
        sent = f"{len(upload['parts'])} of {upload['total']} parts were sent"
        raise problems.validation(f"File upload cannot be completed: {sent}.")
    upload["status"], upload["content_length"] = "uploaded", sum(upload["parts"].values())
    upload["edited"] = call.now
    return rendered(call, upload)


def rendered(call: Call, upload: Json) -> Json:
    """The file upload as Notion shows it."""
    pending, expired = upload["status"] == "pending", upload["status"] == "expired"
    address = f"{ORIGIN}/v1/file_uploads/{upload['id']}"
    many = upload["mode"] == "multi_part"
    return {
        "object": "file_upload",
        "id": upload["id"],
        "created_time": seconds_cut(upload["made"]),
        "created_by": {"id": upload["by"], "type": "bot"},
        "last_edited_time": seconds_cut(upload["edited"]),
        "expiry_time": None if expired else seconds_cut(upload["made"] + LIFE),
        **({"upload_url": f"{address}/send"} if pending else {}),
        **({"complete_url": f"{address}/complete"} if pending and upload["parts"] else {}),
        "in_trash": False,
        "status": upload["status"],
        "filename": upload["filename"],
        "content_type": upload["content_type"],
        "content_length": upload["content_length"],
        **({"file_import_result": upload["imported"]} if "imported" in upload else {}),
        **({"number_of_parts": {"total": upload["total"], "sent": len(upload["parts"])}} if many else {}),
        **({"archived": False} if call.says_archived else {}),
    }


def multipart(content_type: str, raw: bytes) -> dict[str, bytes]:
    """The fields of a multipart/form-data body."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/form-data") or boundary is None:
        raise problems.validation("Content-Type must be multipart/form-data.")
    fields = {}
    for part in raw.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'[; ]name="?([^";\r\n]+)"?', head)
        if name is not None:
            fields[name[1].decode()] = content.removesuffix(b"\r\n")
    return fields


def _found(call: Call) -> Json:
    upload_id = call.ids["file_upload_id"]
    upload = call.ws.file_uploads.get(upload_id)
    if upload is None:
        raise problems.not_found("file_upload", upload_id, call.actor)
    _age(call.now, upload)
    return upload


def _age(now: datetime, upload: Json) -> None:
    """What time does: an import from an address is done when looked at again; what stays pending expires."""
    if upload["status"] != "pending":
        return
    if upload["mode"] == "external_url":
        upload["status"] = "uploaded"
        upload["imported"] = {"type": "success", "success": {}, "imported_time": milliseconds(upload["made"])}
    elif now >= upload["made"] + LIFE:
        upload["status"], upload["edited"] = "expired", upload["made"] + LIFE


def _part_number(form: dict[str, bytes], total: int) -> int:
    said = form.get("part_number", b"").decode()
    if not said.isdigit() or not 1 <= int(said) <= total:
        raise problems.should_be("body.part_number", f"a number between 1 and {total}", said)
    return int(said)


def _refuse_wrong(body: Json, mode: str) -> None:
    for name in ("filename", "content_type", "external_url"):
        if not isinstance(body.get(name, ""), str):
            raise problems.should_be(f"body.{name}", "a string or `undefined`", body[name])
    if mode not in MODES:
        names = ", ".join(f'`"{one}"`' for one in MODES)
        raise problems.should_be("body.mode", f"{names}, or `undefined`", mode)
    if mode != "single_part" and not body.get("filename"):
        raise problems.should_be("body.filename", "defined")
    if mode == "external_url" and not str(body.get("external_url", "")).startswith("https://"):
        raise problems.should_be("body.external_url", "a valid https URL", body.get("external_url"))
    parts = body.get("number_of_parts")
    if mode == "multi_part" and not (type(parts) is int and 1 <= parts <= MOST_PARTS):
        raise problems.should_be("body.number_of_parts", f"a number between 1 and {MOST_PARTS}", parts)
