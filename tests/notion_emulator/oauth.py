"""OAuth: exchanging a code or refresh token, asking about a token, revoking it.

The calls carry the connection's own name and secret (`Basic`), not a token. Observed: the refusal of an
unknown client (live) and the form of an introspection (recorded by notion-sdk-py in a cassette that is not in
`tests/data/notion`, so nothing is replayed); the rest is documented, not observed.
"""

import base64
import binascii
import secrets

from tests.notion_emulator import problems
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json

Answer = Json | tuple[int, Json]
UNKNOWN_CLIENT = 401, {"error": "invalid_client"}
KEYS = {"authorization_code": "code", "refresh_token": "refresh_token"}
SCOPE = "read_content insert_content update_content read_user_with_email read_user_without_email"


@route("POST", "/v1/oauth/token")
def token(call: Call) -> Answer:
    if not _client(call):
        return UNKNOWN_CLIENT
    kind = call.body.get("grant_type")
    key = KEYS.get(kind) if isinstance(kind, str) else None
    if key is None:
        raise problems.should_be("body.grant_type", '`"authorization_code"` or `"refresh_token"`', kind)
    if not call.body.get(key):
        raise problems.should_be(f"body.{key}", "defined")
    made = f"ntn_{call.ws.ids.uuid().replace('-', '')}"
    call.ws.oauth_tokens[made] = int(call.now.timestamp() * 1000)
    return {
        "access_token": made,
        "token_type": "bearer",
        "refresh_token": f"nrt_{call.ws.ids.uuid().replace('-', '')}",
        "bot_id": call.actor,
        "workspace_icon": None,
        "workspace_name": call.ws.name,
        "workspace_id": call.ws.id,
        "owner": {"type": "workspace", "workspace": True},
        "duplicated_template_id": None,
    }


@route("POST", "/v1/oauth/introspect")
def introspect(call: Call) -> Answer:
    if not _client(call):
        return UNKNOWN_CLIENT
    issued = call.ws.oauth_tokens.get(_token(call))
    return {"active": False} if issued is None else {"active": True, "scope": SCOPE, "iat": issued}


@route("POST", "/v1/oauth/revoke")
def revoke(call: Call) -> Answer:
    if not _client(call):
        return UNKNOWN_CLIENT
    call.ws.oauth_tokens.pop(_token(call), None)
    return {}


def _token(call: Call) -> str:
    said = call.body.get("token")
    if not isinstance(said, str):
        raise problems.should_be("body.token", "defined")
    return said


def _client(call: Call) -> bool:
    """Whether the call carries the name and secret of a client."""
    kind, _, written = call.headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(written, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    known = call.ws.oauth_clients
    right = not known or secrets.compare_digest(known.get(name, ""), secret)
    return bool(kind == "Basic" and name and secret and right)
