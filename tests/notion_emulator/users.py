"""Users: list, one, and the connection itself. Texts and shapes are recorded."""

from tests.notion_emulator import paging
from tests.notion_emulator.problems import Problem
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json, User


def rendered(user: User) -> Json:
    """The full user object."""
    head: Json = {"object": "user", "id": user.id, "name": user.name, "avatar_url": user.avatar_url}
    return head | {"type": user.type, user.type: user.details}


def partial(user_id: str) -> Json:
    """What pages show of who made them."""
    return {"object": "user", "id": user_id}


@route("GET", "/v1/users")
def list_users(call: Call) -> Json:
    return paging.listing(call, list(call.ws.users.values()), rendered, "user", source="query")


@route("GET", "/v1/users/me")
def me(call: Call) -> Json:
    return rendered(call.ws.users[call.actor])


@route("GET", "/v1/users/{user_id}")
def retrieve_user(call: Call) -> Json:
    user = call.ws.users.get(call.ids["user_id"])
    if user is None:
        message = (
            f"Could not find user with ID: {call.ids['user_id']}. Make sure your integration has capabilities"
            " to read user information. With those capabilities, only members and guests in the integration's"
            " workspace are visible."
        )
        raise Problem(404, "object_not_found", message, {"integration_id": call.actor})
    return rendered(user)
