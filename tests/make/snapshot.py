"""Makes `sources/snapshot.json` from a folder of collected configs and Meta's sku_list. Run by hand:

    python -m tests.make.snapshot REFERENCE_DIR SKU_LIST_PATH 2026-11-21

REFERENCE_DIR holds `sku-configs.json` (the config of each SKU and GPT-2, key by key with its origin),
`hf-configs/` (configs of other models with an INDEX.json) and `ground-truth.json` (published counts). The
same input gives the same bytes. Nothing is typed here but the words for an origin; what fits no rule
stops the run.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from registry.catalogue import Entry, load
from sources import sku_list

SKU_LIST_LABEL = "llama-models 0.3.0:llama_models/sku_list.py"
TRANSFORMERS = "5.23.0"
NESTED = ("text_config", "vision_config")
OUT = Path(__file__).parents[2] / "sources" / "snapshot.json"

MLC_KEYS = ("sliding_window_size", "prefill_chunk_size", "attention_sink_size")
"""Keys that mlc-llm adds to its copies; the first is its spelling of `sliding_window`."""

Config = dict[str, Any]
Origin = dict[str, Any]
ABSENT: Origin = {"kind": "absent"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("sku_list", type=Path)
    parser.add_argument("made", help="the date of the facts, YYYY-MM-DD")
    args = parser.parse_args()
    OUT.write_text(text(args.reference, args.sku_list, args.made), encoding="utf-8")
    print(f"{OUT}: {OUT.stat().st_size} bytes", file=sys.stderr)


def text(reference: Path, sku_path: Path, made: str, entries: Sequence[Entry] | None = None) -> str:
    """The snapshot of these models (all of the catalogue) as JSON."""
    models = _models(reference, sku_path, load().entries if entries is None else entries)
    head = {"version": 1, "made": made, "transformers": TRANSFORMERS, "sku_list": SKU_LIST_LABEL}
    return form({**head, "models": {key: _lean(model) for key, model in models.items()}})


def form(document: Mapping[str, Any]) -> str:
    """The one form of a snapshot: keys sorted, one line per model."""
    head = {name: value for name, value in document.items() if name != "models"}
    lines = [f"{_compact(key)}:{_compact(model)}" for key, model in sorted(document["models"].items())]
    return f'{_compact(head)[:-1]},"models":{{\n' + ",\n".join(lines) + "\n}}\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def _lean(model: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if value not in (None, [], {})}


def _models(reference: Path, sku_path: Path, entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    skus = {sku.key: _sku(sku) for sku in _skus(sku_path)}
    known = {entry["key"]: entry for entry in _json(reference / "sku-configs.json")}
    copies = {entry["hf_model_id"]: entry for entry in _json(reference / "hf-configs" / "INDEX.json")}
    counts = {m["hf_model_id"]: m for m in _json(reference / "ground-truth.json")["models"]}
    models = {}
    for entry in entries:
        if entry.key in known:
            model = _from_known(known[entry.key])
        else:
            copy = copies[entry.short_key]
            config = _json(reference / "hf-configs" / copy["file"])
            model = _from_copy(entry, config, copy, counts[entry.short_key])
        models[entry.key] = {**model, "sku": skus.get(entry.key)}
    return models


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _skus(path: Path) -> list[sku_list.Sku]:
    """The records with the label of the package they are from, wherever its files lie here."""
    files = sku_list.find(path)
    if files is None:
        raise SystemExit(f"{path}: no sku_list.py")
    listed, types = (file.read_text(encoding="utf-8") for file in (files.sku_list, files.types))
    return sku_list.parse(
        listed, types, SKU_LIST_LABEL, SKU_LIST_LABEL.replace("sku_list.py", "sku_types.py")
    )


def _sku(sku: sku_list.Sku) -> Mapping[str, object]:
    """The record without its file, which all share."""
    return {name: value for name, value in sku.to_json().items() if name != "file"}


# SKUs and GPT-2: each key with its origin


def _from_known(entry: Mapping[str, Any]) -> dict[str, Any]:
    hub = entry["hub_repo_exists_as"]
    default, keys = _default_origin(entry), dict(_key_origins(entry))
    absent = {path for path, origin in keys.items() if origin == ABSENT}
    return {
        "repo": entry["config_repo"] or hub["name"],
        "config": _without(entry["config"], absent),
        "origin": default,
        "keys": {path: origin for path, origin in keys.items() if origin not in (default, ABSENT)},
        "unseen": sorted(path for names in entry.get("left_out", {}) for path in _paths(names)),
        "hub": [hub["name"], plain(hub["evidence"]), hub["certainty"]],
        "published": [_published(count, entry) for count in entry["n_params"]["published"] if _known(count)],
    }


def _default_origin(entry: Mapping[str, Any]) -> Origin:
    """Where a key is from unless its own origin is given. A copy is one, whether called file or published."""
    if "all other keys" in entry["key_origin"]:
        return _origin(entry["key_origin"]["all other keys"], entry)
    if entry["origin"] == "sibling" or any(names.startswith("other ") for names in entry["key_origin"]):
        return {"kind": "sibling", "of": entry["sibling_of"]["of"]}
    if "citation" in entry["source"]:
        return {"kind": "published", "citation": plain(entry["source"]["citation"])}
    return {"kind": "copy", "copy": _copy(entry["source"])}


def _key_origins(entry: Mapping[str, Any]) -> Iterator[tuple[str, Origin]]:
    for names, said in entry["key_origin"].items():
        if not names.startswith(("all other", "other ")):
            origin = _origin(said, entry)
            yield from ((path, origin) for path in _paths(names))


def _origin(said: str, entry: Mapping[str, Any]) -> Origin:
    """One origin in words, such as `sibling of sku:X (why)` or `published: CITATION`."""
    kind = re.match(r"[a-z-]+", said)
    match kind.group() if kind else "":
        case "class-default" | "removed":
            return ABSENT
        case "sibling":
            named = re.match(r"sibling (?:of sku:|\()(Llama[\w.:-]+)", said)
            return {"kind": "sibling", "of": f"sku:{named[1]}" if named else entry["sibling_of"]["of"]}
        case "file":
            commit = said.partition("@")[2][:7]
            return {
                "kind": "copy",
                "copy": next(_copy(s) for s in entry["source"] if s["commit"][:7] == commit),
            }
        case "published" if "(Python literal" in said:
            return {"kind": "copy", "copy": _copy(entry["source"])}
        case "published":
            own = said.removeprefix("published").removeprefix(":").strip()
            return {"kind": "published", "citation": plain(own if said[9] == ":" else _citation(entry))}
    raise SystemExit(f"{entry['key']}: no rule for the origin {said!r}")


def _citation(entry: Mapping[str, Any]) -> str:
    return str(entry["source"]["citation"])


def _copy(source: Mapping[str, Any]) -> str:
    """A public copy in words: its repository and commit, or its digest when no repository is known."""
    repo, commit = source["repo"], source["commit"]
    place = f"public copy, sha256 {source['sha256'][:7]}"
    if not repo.startswith("("):
        place = f"copy in {repo}@{commit[:7]}" if commit else f"copy in {repo} {source['path']}"
    return place if source["grade"] == "file" else f"{place}, {source['grade']}"


def _paths(names: str) -> list[str]:
    """`text_config.a, b` is `text_config.a` and `text_config.b`; words that are no key are left out."""
    first, *rest = (name.strip() for name in names.split(","))
    prefix = first.rpartition(".")[0]
    nested = f"{prefix}." if prefix in NESTED else ""
    found = [first, *(name if "." in name else nested + name for name in rest)]
    return [path for path in found if re.fullmatch(r"[\w.]+", path)]


def _known(count: Mapping[str, Any]) -> bool:
    """Whether it is a count that somebody published, and not one from memory."""
    return count["value"] is not None and "remembered" not in count["source"]


def _published(count: Mapping[str, Any], entry: Mapping[str, Any]) -> list[object]:
    citation = count["source"]
    if citation.startswith("card:"):
        citation = _citation(entry).partition(" lines")[0] + citation.removeprefix("card")
    return [count["value"], plain(citation), count["difference"], plain(count.get("remark", ""))]


# other models: one copy of one file


def _from_copy(
    entry: Entry, config: Config, copy: Mapping[str, Any], truth: Mapping[str, Any]
) -> dict[str, Any]:
    """A model of which one copy is known. Stops on a copy that is edited or only constructor arguments."""
    if "EDITED" in copy["verbatim"] or "architectures" not in config:
        raise SystemExit(f"{entry.key}: not a whole copy: {copy['verbatim']}")
    known = {name.removeprefix("source_"): value for name, value in copy.items()}
    published = [count for count in truth.get("published") or () if not _unpacked(count, config)]
    counts = [_published(count, {}) for count in published]
    if not (copy["id_certain"] or 0 in (count[2] for count in counts)):
        raise SystemExit(f"{entry.key}: neither the id of the copy nor its size is sure")
    config, unseen = _own_keys(config, resaved=copy["verbatim"].startswith("re-saved"))
    kind = "copy" if copy["id_certain"] else "twin"
    return {
        "repo": entry.config_repo,
        "config": config,
        "origin": {"kind": kind, "copy": _copy(known)},
        "unseen": unseen,
        "published": counts,
    }


def _unpacked(count: Mapping[str, Any], config: Config) -> bool:
    """Whether a third party gives its own count of unpacked weights as the hub's: a hub that stores packed
    bytes and scales reports another one, as its own API answer shows.
    """
    packed = (config.get("quantization_config") or {}).get("quant_method") == "mxfp4"
    return packed and "kvfit" in count["source"]


def _own_keys(config: Config, *, resaved: bool) -> tuple[Config, list[str]]:
    """The config without what its copier put in, and the keys whose own values that hid."""
    dropped = {name for name in MLC_KEYS if name in config}
    own = {name: value for name, value in config.items() if name not in dropped}
    if str(own.get("_name_or_path", "")).startswith("/"):
        del own["_name_or_path"]
    if "sliding_window_size" in dropped:
        own.setdefault("sliding_window", config["sliding_window_size"])
    if not resaved:
        return own, []
    hidden = ("dtype", "torch_dtype", "transformers_version")
    return {name: value for name, value in own.items() if name not in hidden}, sorted(hidden)


# words


def plain(said: str) -> str:
    """The words of a citation without the numbers of the index it was found through."""
    one = r"(?:public )?stored files?(?: id)? \d+"
    said = re.sub(rf" \({one}: [^)]*\)", "", said)
    said = re.sub(rf" \((?:in )?{one}(?:(?:,| and) \d{{9,}})*\)", "", said)
    said = re.sub(rf"\({one}[,;] ", "(", said)
    said = re.sub(rf"{one}(?:, \d{{9,}}\b(?! \())+", "public files", said)
    said = re.sub(one, "a public file", said)
    said = re.sub(r"(?<=, )\d{9,}(?= \()", "another", said)
    return re.sub(r"\s+", " ", said).strip()


def _without(config: Config, absent: set[str], prefix: str = "") -> Config:
    """The config without the keys of these paths: class defaults are no readings."""
    return {
        name: _without(value, absent, f"{name}.") if name in NESTED else value
        for name, value in config.items()
        if prefix + name not in absent
    }


if __name__ == "__main__":
    main()
