"""Markdown and blocks: each turned into the other, for the blocks that plain markdown has. Pure functions.

Paragraphs, headings, lists, to-dos, quotes, code and dividers. Observed (recorded): a block a line, no empty
lines between. Everything else of the format is documented, not observed.
"""

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

MOST_CHARACTERS = 2000
SPECIAL = re.compile(r"([\\*~`$\[\]<>{}|^])")
PREFIXES = {
    "heading_1": "# ",
    "heading_2": "## ",
    "heading_3": "### ",
    "heading_4": "#### ",
    "bulleted_list_item": "- ",
    "quote": "> ",
    "paragraph": "",
}
LINE = re.compile(
    r"(?P<heading>#{1,6}) (?P<title>.*)"
    r"|[-*] \[(?P<check>[ xX])\] (?P<task>.*)"
    r"|[-*+] (?P<bullet>.*)"
    r"|\d+[.)] (?P<number>.*)"
    r"|> ?(?P<quote>.*)"
    r"|(?P<rule>-{3,}|\*{3,}|_{3,})\s*"
)
_BODY = r"((?:\\.|[^\\])+?)"
INLINE = re.compile(
    r"\\(?P<escaped>.)"
    r"|`(?P<code>[^`]+)`"
    rf"|\*\*\*(?P<both>{_BODY})\*\*\*"
    rf"|\*\*(?P<bold>{_BODY})\*\*"
    rf"|\*(?P<italic>{_BODY})\*"
    rf"|~~(?P<strikethrough>{_BODY})~~"
    r"|\[(?P<linked>(?:\\.|[^\\\]])*)\]\((?P<url>[^)\s]+)\)"
    r"|(?P<newline><br>)",
    re.DOTALL,
)


def written(kind: str, content: Json, number: int) -> str | None:
    """A block's own lines, without what stands inside it; None for types plain markdown has no form for."""
    if kind == "divider":
        return "---"
    if kind == "code":
        language = content["language"]
        code = "".join(item["plain_text"] for item in content["rich_text"])
        return f"```{'' if language == 'plain text' else language}\n{code}\n```"
    text = inline(content.get("rich_text", []))
    if kind == "to_do":
        return f"- [{'x' if content['checked'] else ' '}] {text}"
    if kind == "numbered_list_item":
        return f"{number}. {text}"
    if kind == "paragraph" and not text:
        return "<empty-block/>"
    return PREFIXES[kind] + text if kind in PREFIXES else None


def inline(rich_text: list[Json]) -> str:
    """Rich text as inline markdown."""
    return "".join(_marked(item) for item in rich_text)


def _marked(item: Json) -> str:
    styles, text = item["annotations"], item["plain_text"]
    if item["type"] == "equation":
        return f"$`{text}`$"
    text = f"`{text}`" if styles["code"] else SPECIAL.sub(r"\\\1", text).replace("\n", "<br>")
    for style, mark in (("strikethrough", "~~"), ("italic", "*"), ("bold", "**")):
        text = f"{mark}{text}{mark}" if styles[style] else text
    return f"[{text}]({item['href']})" if item["href"] else text


def chunks(markdown: str) -> list[str]:
    """The text cut into blocks of the first level, each with what is indented below it."""
    found: list[str] = []
    fenced = False
    for line in markdown.split("\n"):
        inside = fenced or (line.startswith("\t") and found)
        if line.lstrip("\t").startswith("```"):
            fenced = not fenced
        if inside:
            found[-1] += f"\n{line}"
        elif line.strip():
            found.append(line)
    return found


def block(chunk: str) -> Json:
    """One chunk as a block to be appended, in write form."""
    if chunk.startswith("```"):
        return _code(chunk)
    head, _, below = chunk.partition("\n")
    kind, content = _head(head)
    children = [block(one) for one in chunks("\n".join(line[1:] for line in below.split("\n")))]
    return {"type": kind, kind: content | ({"children": children} if children else {})}


def _code(chunk: str) -> Json:
    first, *lines = chunk.split("\n")
    if lines and lines[-1].startswith("```"):
        lines.pop()
    language = first.removeprefix("```").strip() or "plain text"
    text = [{"type": "text", "text": {"content": part}} for part in _parts("\n".join(lines))]
    return {"type": "code", "code": {"language": language, "rich_text": text}}


def _head(line: str) -> tuple[str, Json]:
    match = LINE.fullmatch(line)
    if match is None:
        return "paragraph", {"rich_text": [] if line == "<empty-block/>" else items(line)}
    found = match.groupdict()
    if found["rule"]:
        return "divider", {}
    if found["heading"]:
        return f"heading_{min(len(found['heading']), 4)}", {"rich_text": items(found["title"])}
    if found["check"]:
        return "to_do", {"rich_text": items(found["task"]), "checked": found["check"] != " "}
    kinds = {"bullet": "bulleted_list_item", "number": "numbered_list_item", "quote": "quote"}
    name = next(name for name in kinds if found[name] is not None)
    return kinds[name], {"rich_text": items(found[name])}


def items(markdown: str) -> list[Json]:
    """Inline markdown as rich text, in write form."""
    return list(_items(markdown, {}, None))


def _items(markdown: str, styles: Json, url: str | None) -> Iterator[Json]:
    plain, position = "", 0
    for match in INLINE.finditer(markdown):
        plain += markdown[position : match.start()]
        position = match.end()
        literal = match["escaped"] or ("\n" if match["newline"] else None)
        if literal:
            plain += literal
            continue
        yield from _pieces(plain, styles, url)
        plain = ""
        yield from _styled(match, styles, url)
    yield from _pieces(plain + markdown[position:], styles, url)


def _styled(match: re.Match[str], styles: Json, url: str | None) -> Iterator[Json]:
    if match["code"]:
        yield from _pieces(match["code"], styles | {"code": True}, url)
    elif match["both"]:
        yield from _items(match["both"], styles | {"bold": True, "italic": True}, url)
    elif match["url"]:
        yield from _items(match["linked"], styles, match["url"])
    else:
        style = next(name for name in ("bold", "italic", "strikethrough") if match[name])
        yield from _items(match[style], styles | {style: True}, url)


def _pieces(text: str, styles: Json, url: str | None) -> Iterator[Json]:
    for part in _parts(text):
        link = {"link": {"url": url}} if url else {}
        yield {"type": "text", "text": {"content": part, **link}, "annotations": styles}


def _parts(text: str) -> list[str]:
    return [text[at : at + MOST_CHARACTERS] for at in range(0, len(text), MOST_CHARACTERS)]
