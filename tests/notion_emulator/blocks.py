"""Blocks: content of pages, in order; read, append, edit, trash. Pages and databases answer as blocks too."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from tests.notion_emulator import block_types, databases, pages, paging, problems
from tests.notion_emulator.block_types import Limits
from tests.notion_emulator.routes import Call, route
from tests.notion_emulator.state import Block, Database, Json, Node, Page, Workspace, normalised, seconds_cut


@route("GET", "/v1/blocks/{block_id}")
def retrieve_block(call: Call) -> Json:
    return shown(call, found(call, call.ids["block_id"]))


@route("PATCH", "/v1/blocks/{block_id}")
def update_block(call: Call) -> Json:
    node = found(call, call.ids["block_id"])
    _refuse_unknown_fields(call)
    in_trash = call.body.get("in_trash", call.body.get("archived"))
    if in_trash not in (True, False, None):
        raise problems.should_be("body.in_trash", "a boolean or `undefined`", in_trash)
    refuse_trashed(call.ws, node, restoring=in_trash is False)
    if in_trash is not None:
        set_trash(call, node, in_trash)
    kinds = [name for name in call.body if name in block_types.FIELDS]
    if kinds:
        _edit(call, node, kinds)
    return shown(call, node)


@route("DELETE", "/v1/blocks/{block_id}")
def delete_block(call: Call) -> Json:
    node = found(call, call.ids["block_id"])
    refuse_trashed(call.ws, node)
    set_trash(call, node, True)
    return shown(call, node)


@route("GET", "/v1/blocks/{block_id}/children")
def list_children(call: Call) -> Json:
    node = found(call, call.ids["block_id"])
    return paging.listing(call, live(call.ws, node), lambda one: shown(call, one), "block", source="query")


@route("PATCH", "/v1/blocks/{block_id}/children")
def append_children(call: Call) -> Json:
    parent = found(call, call.ids["block_id"])
    older = call.version < "2026-03-11"
    problems.refuse_unknown(call.body, ("children", "after" if older else "position"))
    if "children" not in call.body:
        raise problems.should_be("body.children", "defined")
    position = call.body.get("position")
    if call.body.get("after") is not None:
        position = {"type": "after_block", "after_block": {"id": call.body["after"]}}
    added = append(call, parent.id, call.body["children"], position)
    results = [rendered(call, block) for block in added]
    return {
        "object": "list",
        "results": results,
        "next_cursor": None,
        "has_more": False,
        "type": "block",
        "block": {},
    }


def append(
    call: Call,
    parent_id: str,
    children: list[Json],
    position: Json | None = None,
    limits: Limits | None = None,
) -> list[Block]:
    """Adds blocks to a page or block, all or none. Returns those of the first level."""
    parent = found(call, parent_id)
    if isinstance(parent, Database) or (isinstance(parent, Block) and parent.type not in block_types.PARENTS):
        raise problems.validation("Block does not support children.")
    refuse_trashed(call.ws, parent)
    drafts = _drafts(call.ws, children, "body.children", limits or Limits())
    _refuse_too_many(call.ws, drafts, limits or Limits())
    at = _index(call.ws, parent, position)
    added = [_make(call, parent, draft) for draft in drafts]
    parent.children[at:at] = [block.id for block in added]
    if added:
        touch(call, parent)
    return added


def rendered(call: Call, block: Block) -> Json:
    """A block object, keys in Notion's order (observed: recorded)."""
    return {
        "object": "block",
        "id": block.id,
        "parent": block.parent,
        "created_time": seconds_cut(block.created_time),
        "last_edited_time": seconds_cut(block.last_edited_time),
        "created_by": {"object": "user", "id": block.created_by},
        "last_edited_by": {"object": "user", "id": block.last_edited_by},
        "has_children": has_children(call.ws, block),
        "in_trash": block.in_trash,
        "type": block.type,
        block.type: block.content,
        **({"archived": block.in_trash} if call.says_archived else {}),
    }


def shown(call: Call, node: Node) -> Json:
    """The block object of a block, page or database."""
    if isinstance(node, Page):
        return pages.as_block(call, node)
    if isinstance(node, Database):
        return databases.as_block(call, node)
    assert isinstance(node, Block)
    return rendered(call, node)


def find(ws: Workspace, node_id: str) -> Block | Page | Database | None:
    """What answers under `/v1/blocks` with this id."""
    return ws.blocks.get(node_id) or ws.pages.get(node_id) or ws.databases.get(node_id)


def found(call: Call, node_id: str) -> Block | Page | Database:
    """The block, page or database, or 404 where it is absent or not shared."""
    node = find(call.ws, normalised(node_id) or "")
    if node is None or any(one.id in call.ws.unshared for one in [node, *ancestors(call.ws, node)]):
        raise problems.not_found("block", node_id, call.actor)
    return node


def ancestors(ws: Workspace, node: Node) -> list[Node]:
    """What the node stands in, nearest first, up to the workspace."""
    above: list[Node] = []
    while (parent := _parent(ws, node)) is not None:
        above.append(parent)
        node = parent
    return above


def order(ws: Workspace, parent: Page | Block) -> list[str]:
    """Ids of what stands in a page or block, trashed ones too. New child pages and databases come last."""
    kept = [one for one in parent.children if _stands_in(find(ws, one), parent)]
    known = set(kept)
    nodes = chain(ws.pages.values(), ws.databases.values())
    new = [node for node in nodes if node.id not in known and _stands_in(node, parent)]
    parent.children[:] = kept + [node.id for node in sorted(new, key=lambda node: node.seq)]
    return parent.children


def live(ws: Workspace, parent: Node) -> list[Node]:
    """What stands in a page or block and is not in the trash, in order."""
    if not isinstance(parent, Page | Block):
        return []
    nodes = [find(ws, one) for one in order(ws, parent)]
    return [node for node in nodes if node is not None and not node.in_trash]


def has_children(ws: Workspace, parent: Page | Block) -> bool:
    """Whether anything is shown inside."""
    return bool(live(ws, parent))


def erase(call: Call, page: Page) -> None:
    """Puts all of a page's content in the trash, child pages and databases too."""
    for node in live(call.ws, page):
        set_trash(call, node, True)


def set_trash(call: Call, node: Node, in_trash: bool) -> None:
    """Puts a block, page or database in the trash or takes it out; the page around it counts as edited."""
    if isinstance(node, Page):
        pages.trash(call, node, in_trash)
        return
    node.in_trash = in_trash
    if isinstance(node, Block):
        touch(call, node)
    else:
        pages.touch_parent(call, node.parent)


def refuse_trashed(ws: Workspace, node: Node, *, restoring: bool = False) -> None:
    """400 for an edit of what is in the trash, or stands in something there (observed: both reported)."""
    if node.in_trash and not restoring:
        raise problems.validation(
            "Can't edit block that is archived. You must unarchive the block before editing."
        )
    if any(one.in_trash for one in ancestors(ws, node)):
        raise problems.validation(
            "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before"
            " editing page."
        )


def refuse_over_limit(ws: Workspace, more: int) -> None:
    """403 once a free workspace has used its blocks; each page and row is one (documented, not observed)."""
    limit = ws.knobs.block_limit
    if limit is not None and len(ws.blocks) + len(ws.pages) + len(ws.databases) + more > limit:
        raise problems.Problem(
            403,
            "restricted_resource",
            "This workspace has used all of its free blocks. Upgrade its plan in Notion to create more"
            " content. Learn more: https://www.notion.com/help/understanding-block-usage",
            {"block_limit": "block_creation"},
        )


def _parent(ws: Workspace, node: Node) -> Node | None:
    kind = node.parent.get("type", "")
    parent_id = node.parent.get(kind)
    if not isinstance(parent_id, str):
        return None
    return find(ws, parent_id) or ws.data_sources.get(parent_id)


def _stands_in(node: Node | None, parent: Node) -> bool:
    return node is not None and node.parent.get(node.parent.get("type", "")) == parent.id


class _Draft:
    """A block of a request, checked, with what goes inside."""

    def __init__(self, kind: str, content: Json, children: list["_Draft"]):
        self.kind = kind
        self.content = content
        self.children = children

    def size(self) -> int:
        return 1 + sum(child.size() for child in self.children)


def _drafts(ws: Workspace, children: Any, place: str, limits: Limits) -> list[_Draft]:
    if not isinstance(children, list):
        raise problems.should_be(place, "an array", children)
    if len(children) > limits.children:
        raise problems.too_long(place, limits.children, len(children))
    return [_draft(ws, child, f"{place}[{n}]", limits) for n, child in enumerate(children)]


def _draft(ws: Workspace, child: Any, place: str, limits: Limits) -> _Draft:
    kind = block_types.type_of(child, place)
    inside = f"{place}.{kind}"
    content = block_types.read_form(kind, child[kind], inside, ws)
    below = child[kind].get("children")
    if below is None and kind in block_types.CHILDREN_NEEDED:
        raise problems.should_be(f"{inside}.children", "defined")
    if below is None:
        return _Draft(kind, content, [])
    free = kind in ("table", "column_list")
    if kind not in block_types.PARENTS or (limits.levels == 0 and not free):
        raise problems.should_be(f"{inside}.children", "not present", below)
    deeper = limits if free else limits._replace(levels=limits.levels - 1)
    return _Draft(kind, content, _drafts(ws, below, f"{inside}.children", deeper))


def _refuse_too_many(ws: Workspace, drafts: Sequence[_Draft], limits: Limits) -> None:
    """1,000 blocks in one request (documented; the text is assumed), then the plan's limit."""
    total = sum(draft.size() for draft in drafts)
    if total > limits.blocks:
        most = f"\u2264 `{limits.blocks}` blocks"
        raise problems.validation(
            f"body failed validation: body.children should contain {most}, instead was `{total}`."
        )
    if total:
        refuse_over_limit(ws, total)


def _index(ws: Workspace, parent: Page | Block, position: Any) -> int:
    places = order(ws, parent)
    match {"type": "end"} if position is None else position:
        case {"type": "start"}:
            return 0
        case {"type": "end"}:
            return len(places)
        case {"type": "after_block", "after_block": {"id": str(said)}}:
            after = normalised(said)
            if after not in places:
                raise problems.validation(f"Block to insert after is not a child of the parent: {said}")
            return places.index(after) + 1
    raise problems.should_be("body.position", "a position (after_block, start or end)", position)


def _make(call: Call, parent: Node, draft: _Draft) -> Block:
    block = Block(
        id=call.ws.ids.uuid(),
        seq=call.ws.next_seq(),
        parent=_parent_form(parent),
        created_time=call.now,
        last_edited_time=call.now,
        created_by=call.actor,
        last_edited_by=call.actor,
        type=draft.kind,
        content=draft.content,
    )
    call.ws.blocks[block.id] = block
    block.children = [_make(call, block, child).id for child in draft.children]
    return block


def _parent_form(parent: Node) -> Json:
    kind = "page_id" if isinstance(parent, Page) else "block_id"
    return {"type": kind, kind: parent.id}


def touch(call: Call, node: Node) -> None:
    """A change of content is a change of the page around it."""
    for one in [node, *ancestors(call.ws, node)]:
        if isinstance(one, Page):
            call.ws.touch(one, call.actor, call.now)
            return
        one.last_edited_time, one.last_edited_by = call.now, call.actor


def _refuse_unknown_fields(call: Call) -> None:
    trash = ("in_trash", "archived") if call.version < "2026-03-11" else ("in_trash",)
    problems.refuse_unknown(call.body, ("type", *trash, *block_types.FIELDS))


def _edit(call: Call, node: Node, kinds: list[str]) -> None:
    if not isinstance(node, Block):
        kind = "child_page" if isinstance(node, Page) else "child_database"
        raise problems.validation(f"Expected block type {kind} in request body")
    if kinds != [node.type]:
        raise problems.validation(f"Expected block type {node.type} in request body")
    node.content = block_types.merged(
        node.type, node.content, call.body[node.type], f"body.{node.type}", call.ws
    )
    touch(call, node)
