"""Every error a person can meet, as one tree. The class fixes the exit code and whether a retry can help.

    RegistryError                 code  retry
    |- BadUsage                     3   no    a flag or name that means nothing here
    |- BadSettings                  3   no    registry.toml, an environment variable, a credential file
    |- BadSource                    3   no    a source file that cannot be read as what it should be
    |  `- RefusedSyntax             3   no    Python in sku_list.py outside the allow-list
    |- BadPlan                      3   no    a plan file that is not one
    |- UnknownModel                 3   no    a name no model carries
    |- BadValue                     5   no    one field of one model; the field becomes unknown
    |- BadModel                     5   no    one model cannot be read at all; the others go on
    |  `- UnknownArchitecture       5   no    a model type whose tensors nobody described
    |- BadTable                     5   no    one row needs a person (two rows with one key)
    |- Refused                      4   no    a safety rule: nothing was written
    |  |- StalePlan                 4   no    the world moved since the plan was made
    |  `- TooManyChanges            4   no    more overwrites than one run may make unasked
    |- NotAuthorised                6   no    a token is missing or not accepted
    |- GaveUp                       7   yes   the other side failed; safe to run again
    |- Locked                       8   yes   another run holds the table
    `- HubError                     -   -     the Hugging Face Hub, one class per answer
       |- GatedRepo                 5   no
       |- MissingOrPrivateRepo      5   no
       |- DisabledRepo              5   no
       |- NoConfig                  0   no    the repository has no config.json
       |- NoRevision                3   no
       |- HubOffline                0   no    offline mode, and nothing in the cache
       |- BadHubToken               6   no
       |- HubRateLimited            7   yes
       `- HubDown                   7   yes

The text of each is three things, in this order: what was wanted and found, `from` (the place), `fix` (a
command or a place); `wrote` says what was and was not written where that is not plain from the command.
"""

from typing import ClassVar


class RegistryError(Exception):
    """What went wrong, where it was found, what to do, and what was written."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(
        self, what: str, *, where: str | None = None, fix: str | None = None, wrote: str | None = None
    ):
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix
        self.wrote = wrote

    def __str__(self) -> str:
        lines = [self.what]
        lines += [f"  {label:<5} {text}" for label, text in self._parts() if text]
        return "\n".join(lines)

    def _parts(self) -> list[tuple[str, str | None]]:
        return [("from", self.where), ("fix", self.fix), ("wrote", self.wrote)]


class BadUsage(RegistryError):
    """A flag, a name or a combination of them that means nothing here."""

    exit_code = 3


class BadSettings(RegistryError):
    """A setting that cannot be used, with the file or variable it came from."""

    exit_code = 3


class BadSource(RegistryError):
    """A source file that is missing, too large, malformed, or not what its name says."""

    exit_code = 3


class RefusedSyntax(BadSource):
    """Python outside the allow-list in a file that is read and never run."""


class BadPlan(RegistryError):
    """A file given to `apply` that is not a plan, or is one no longer whole."""

    exit_code = 3


class UnknownModel(RegistryError):
    """No model of the catalogue answers to this name."""

    exit_code = 3


class BadValue(RegistryError):
    """One value that cannot be true: its field becomes unknown, the rest goes on."""

    exit_code = 5

    def __init__(self, model: str, field: str, *, want: str, got: object, where: str, fix: str | None = None):
        shown = repr(got)
        if len(shown) > 80:
            shown = f"{shown[:60]}... ({len(shown)} characters)"
        fix = fix or f'set {field} under [models."{model}"] in registry.toml'
        super().__init__(f"{model}: {field}: want {want}, got {shown}", where=where, fix=fix)
        self.model = model
        self.field = field


class BadModel(RegistryError):
    """A model of which nothing usable could be read: it fails, the others go on."""

    exit_code = 5


class UnknownArchitecture(BadModel):
    """A model type without a blueprint: its tensors are not known, and nothing is guessed."""


class BadTable(RegistryError):
    """A row that only a person can put right."""

    exit_code = 5


class Refused(RegistryError):
    """A safety rule said no: nothing was written."""

    exit_code = 4


class StalePlan(Refused):
    """The table, its columns or the plan itself is not what it was when the plan was made."""


class TooManyChanges(Refused):
    """More cells would be overwritten than one run may overwrite unasked."""


class NotAuthorised(RegistryError):
    """A token is missing or was not accepted."""

    exit_code = 6


class GaveUp(RegistryError):
    """The other side failed for good; nothing is half done, and a later run may succeed."""

    exit_code = 7
    retryable = True


class Locked(RegistryError):
    """Another run holds this table."""

    exit_code = 8
    retryable = True


class HubError(RegistryError):
    """An answer of the Hugging Face Hub that is not a config.json."""

    exit_code = 5


class GatedRepo(HubError):
    """The repository is behind a licence that this account has not accepted."""


class MissingOrPrivateRepo(HubError):
    """The hub answers alike for a repository that is missing and one that is private."""


class DisabledRepo(HubError):
    """The hub has switched this repository off."""


class NoConfig(HubError):
    """The repository is there and holds no config.json. Not a failure: its facts stay unknown."""

    exit_code = 0


class NoRevision(HubError):
    """The pinned revision does not exist."""

    exit_code = 3


class HubOffline(HubError):
    """Offline mode is on and the cache has nothing: the facts stay unknown."""

    exit_code = 0


class BadHubToken(HubError):
    """The hub did not accept HF_TOKEN."""

    exit_code = 6


class HubRateLimited(HubError):
    """The hub asks to wait longer than a run may wait."""

    exit_code = 7
    retryable = True


class HubDown(HubError):
    """The hub cannot be reached, or answers with server errors."""

    exit_code = 7
    retryable = True
