"""Settings: flag > environment > registry.toml > default. Secrets are never read from registry.toml.

registry.toml is looked for at `--config`, `REGISTRY_CONFIG`, in the working folder, in the user's config
folder; the first one found is the only one read.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from platformdirs import user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from registry.credentials import Place, need_token, notion_place
from schemas.errors import BadSettings

APP = "llm-config-registry"
FILE = "registry.toml"


class NotionSettings(BaseModel):
    """`[notion]` of registry.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_source_id: str = ""
    database_id: str = ""
    columns: dict[str, str] = {}
    """Field -> name or id of the column that holds it, where people call it something else."""


class Settings(BaseSettings):
    """Everything a run can be told besides its selection. Environment names are `REGISTRY_` + the field."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_", extra="forbid", frozen=True)

    home: Path = user_data_path(APP)
    """Folder of the local table, the layer configs, locks and journals."""
    to: str = ""
    """Where the table is: local, notion, or an SQLAlchemy URL."""
    sku_list: Path | None = None
    optional_columns: tuple[str, ...] = ()
    """Fields of optional columns to create in a table of ours, such as n_params."""
    models: dict[str, dict[str, Any]] = {}
    """Additions to the catalogue and pinned values, `[models."KEY"]`."""
    notion: NotionSettings = NotionSettings()
    """Which table in Notion, `[notion]`; the token is never here."""

    def place(self) -> Place:
        """The table in Notion that settings, environment and credential files name."""
        ids = {"data_source_id": self.notion.data_source_id, "database_id": self.notion.database_id}
        return notion_place(self.home.expanduser(), ids)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings fixes the signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then what `load` read from the file."""
        return env_settings, init_settings


def config_path(flag: Path | None) -> Path | None:
    """The registry.toml in force, or None. A file named by flag or environment has to exist."""
    named = flag or (Path(os.environ["REGISTRY_CONFIG"]) if os.environ.get("REGISTRY_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise BadSettings(
                f"settings: no file {named}", fix="give --config or REGISTRY_CONFIG an existing file"
            )
        return named
    places = (Path(FILE), user_config_path(APP) / FILE)
    return next((place for place in places if place.is_file()), None)


def load(flag: Path | None = None) -> tuple[Settings, Path | None]:
    """Settings and the file they came from. Raises BadSettings naming file, key and what was wanted."""
    path = config_path(flag)
    content = _read(path) if path else {}
    try:
        settings = Settings(**content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        in_notion = first["loc"][0] == "notion"
        said = "want a table, [notion]" if key == "notion" else first["msg"].lower()
        known = NotionSettings.model_fields if in_notion else Settings.model_fields
        raise BadSettings(
            f"settings: {key}: {said}",
            where=str(path or "environment"),
            fix=f"known settings{' of [notion]' if in_notion else ''}: {', '.join(known)}",
        ) from None
    return settings, path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"settings: cannot read {path}: {error.strerror}", fix="make it readable") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"settings: not TOML: {error}", where=str(path), fix="mend that line") from None


def destination(flag: str | None, settings: Settings) -> str:
    """local, notion or an SQLAlchemy URL: by flag, `to =`, or because a setting names a table in Notion.

    A table in Notion is never replaced by a local one: without a token, or without an id where Notion was
    asked for, it is refused by name.
    """
    wanted = flag or settings.to
    if not wanted and settings.place().has_id:
        wanted = "notion"
    if wanted == "notion":
        _need_place(settings.place())
        return "notion"
    if wanted in ("", "local"):
        return "local"
    if "://" not in wanted:
        raise BadSettings(
            f"{'--to' if flag else 'to'}: want local, notion or an SQLAlchemy URL, got {wanted!r}",
            where=None if flag else "REGISTRY_TO, or `to =` in registry.toml",
            fix="registry sync --to local",
        )
    return wanted


def _need_place(place: Place) -> None:
    need_token(place)
    if not place.has_id:
        raise BadSettings(
            "sync: no setting names the table in Notion",
            where=place.where,
            fix="registry init --parent PAGE makes one; for one that exists set NOTION_DATABASE_ID to"
            " its link, then registry adopt",
            wrote="nothing",
        )
