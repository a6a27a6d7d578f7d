"""`registry validate`: layer configs of anyone's, checked before the estimator loads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.cli import common
from registry.cli.common import FILE, formatting

if TYPE_CHECKING:
    from registry.validate import Checked, Finding

NEEDS_A_PERSON = 5


@click.command()
@click.argument("paths", nargs=-1, required=True, type=FILE, metavar="PATH...")
@click.option("--estimator", type=FILE, metavar="DIR", help="Estimator checkout to judge by, read as text.")
@formatting
def validate(paths: Sequence[Path], estimator: Path | None, form: str) -> int:
    """Check layer configs: each PATH a file, or a folder with its *.json files.

    Errors break the estimator or do not add up; warnings are for you to judge. Exit 5 when a file has errors.
    """
    from registry import validate as checks
    from registry.estimator import BUILT_IN, read_checkout

    files = _files(paths)
    classes = read_checkout(estimator) if estimator else BUILT_IN
    checked = checks.check_files(files, classes, _known_counts)
    if form == "json":
        common.emit_json([_document(one) for one in checked])
    else:
        click.echo(_text(checked))
    return 0 if all(one.is_valid for one in checked) else NEEDS_A_PERSON


def _files(paths: Sequence[Path]) -> list[Path]:
    """The files to check, each once. Raises BadUsage for a path that is not there or a folder without any."""
    found = [file for path in paths for file in _files_at(path)]
    return list({file.resolve(): file for file in reversed(found)}.values())[::-1]


def _files_at(path: Path) -> list[Path]:
    from schemas.errors import BadUsage

    fix = "give a layer config, or a folder that holds some"
    try:
        if not path.is_dir():
            path.lstat()
            return [path]
        found = sorted(file for file in path.iterdir() if file.suffix == ".json" and not file.is_dir())
    except OSError as error:
        what = f"validate: cannot read {_printable(path)}: {error.strerror}"
        raise BadUsage(what, where=_printable(path), fix=fix) from None
    if not found:
        raise BadUsage("validate: no *.json file in the folder", where=_printable(path), fix=fix)
    return found


def _known_counts(repo: str) -> Sequence[int]:
    """Counts of a hub id that the bundled catalogue can stand for: total, text part, as the hub stores it."""
    from registry.catalogue import load
    from registry.model import settle
    from sources import snapshot

    wanted = repo.casefold()
    entries = [entry for entry in load().entries if wanted in map(str.casefold, entry.repos)]
    records = [settle(entry, snapshot.read().observe(entry.key)).record for entry in entries]
    counts = [n for r in records for n in (r.n_params, r.n_params_text, r.n_params_stored) if n is not None]
    return tuple(dict.fromkeys(counts))


def _document(checked: "Checked") -> dict[str, Any]:
    findings = [
        {"severity": str(one.severity), "where": one.where, "text": one.text, "fix": one.fix}
        for one in checked.findings
    ]
    path = str(checked.path).encode("utf-8", "backslashreplace").decode()
    return {"path": path, "valid": checked.is_valid, "findings": findings, "n_params": checked.n_params}


def _text(checked: "Sequence[Checked]") -> str:
    """A block a file, what is wrong below it, the tally and the next step."""
    lines = [line for one in checked for line in _block(one)]
    return "\n".join([*lines, _tally(checked), _next(checked)])


def _block(checked: "Checked") -> list[str]:
    state = "valid" if checked.is_valid else "not valid"
    size = "" if checked.n_params is None else f", {checked.n_params:,} parameters"
    width = max((len(one.where) for one in checked.findings), default=0)
    found = [line for one in checked.findings for line in _lines(one, width)]
    return [f"{_printable(checked.path)}: {state}{size}", *found, ""]


def _lines(finding: "Finding", width: int) -> list[str]:
    return [
        f"  {finding.severity:<7}  {finding.where:<{width}}  {finding.text}",
        f"  {'':<7}  {'':<{width}}  fix: {finding.fix}",
    ]


def _tally(checked: "Sequence[Checked]") -> str:
    valid = sum(one.is_valid for one in checked)
    severities = [str(finding.severity) for one in checked for finding in one.findings]
    parts = [_plural(len(checked), "file"), f"{valid} valid"]
    parts += [_plural(severities.count(kind), kind) for kind in ("error", "warning")]
    return ", ".join(parts) + "."


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _next(checked: "Sequence[Checked]") -> str:
    wrong = [one for one in checked if not one.is_valid]
    if not wrong:
        return (
            "next   copy them to backend/data/model_configs/ of the estimator; it reads them on every request"
        )
    return f"next   mend the errors, then: registry validate {_quoted(wrong[0].path)}"


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(_printable(path))


def _printable(path: Path) -> str:
    from registry.views import shown

    return shown(str(path))


COMMANDS = (validate,)
