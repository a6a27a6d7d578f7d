"""Meeting notes of the workspace: blocks of type `meeting_notes`, which only people can make."""

from tests.notion_emulator import blocks, paging, problems
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json

KINDS = ("meeting_notes", "transcription")
MOST = 100


@route("POST", "/v1/blocks/meeting_notes/query")
def query_meeting_notes(call: Call) -> Json:
    """Newest first; `filter` and `sort` are taken and not applied (documented, not observed)."""
    problems.refuse_unknown(call.body, ("filter", "sort", "limit"))
    limit = call.body.get("limit", MOST)
    if type(limit) is not int or not 1 <= limit <= MOST:
        raise problems.should_be("body.limit", f"a number between 1 and {MOST}, or `undefined`", limit)
    found = [one for one in call.ws.blocks.values() if one.type in KINDS and not one.in_trash]
    newest = sorted(found, key=lambda one: one.seq, reverse=True)[:limit]
    return paging.envelope([blocks.rendered(call, one) for one in newest], None, "block")
