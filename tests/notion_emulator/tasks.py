"""Asynchronous tasks: an operation asked with `allow_async` is answered 202; its task says when it is done.

Observed (recorded): queued at first with a wait of 2 seconds, succeeded after it. `failed` follows the
published types: documented, not observed. Assumed: the change itself is there at once.
"""

from collections.abc import Callable

from tests.notion_emulator import problems
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Json, milliseconds

WAIT_S = 2
ORIGIN = "https://api.notion.com"


@route("GET", "/v1/async_tasks/{task_id}")
def retrieve_task(call: Call) -> Json:
    """The task: queued until its wait is over, then done, with the result of the operation or its error."""
    task = call.ws.async_tasks.get(call.ids["task_id"])
    if task is None:
        raise problems.not_found("async task", call.ids["task_id"], call.actor)
    if (call.now - task["asked"]).total_seconds() < WAIT_S:
        return queued(task)
    return {**rendered(task, task["status"]), **task["outcome"]}


def start(call: Call, name: str, run: Callable[[], Json]) -> tuple[int, Json]:
    """Does the operation and answers 202 with its task, whatever came of it."""
    task_id = f"task_{call.ws.ids.uuid().replace('-', '')}"
    try:
        status, outcome = "succeeded", {"result": run()}
    except problems.Problem as problem:
        error = {
            "object": "error",
            "status": problem.status,
            "code": problem.code,
            "message": problem.message,
        }
        status, outcome = "failed", {"error": error}
    task = {"id": task_id, "asked": call.now, "name": name, "status": status, "outcome": outcome}
    call.ws.async_tasks[task_id] = task
    return 202, queued(task)


def queued(task: Json) -> Json:
    """A task whose wait is not over."""
    return rendered(task, "queued") | {"poll_after_seconds": WAIT_S}


def rendered(task: Json, status: str) -> Json:
    """What a task shows in every state."""
    return {
        "object": "async_task",
        "id": task["id"],
        "status": status,
        "status_url": f"{ORIGIN}/v1/async_tasks/{task['id']}",
        "created_time": milliseconds(task["asked"]).replace("+00:00", "Z"),
        "operation": {"surface": "rest", "name": task["name"]},
    }
