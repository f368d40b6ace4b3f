"""dlt's config providers, restricted to documented names.

dlt looks every field of its own configuration up under many names, the shortest of which
(`DEV_MODE`, `REFRESH`, `WORKERS`) belong to other programs, and its files may be shared
with another pipeline. Here it gets an answer for documented names only; for all others it
keeps its defaults. Somebody else's pipeline that uses our source is left as dlt has it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dlt.destinations
import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.providers import (
    ConfigTomlProvider,
    EnvironProvider,
    SecretsTomlProvider,
)
from dlt.common.configuration.providers.doc import CustomLoaderDocProvider
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.run_context import RunContext, global_dir

from cliniko.errors import UnreadableSettings
from cliniko.settings import names
from cliniko_warehouse.config import toml_files

FOLDER = ".dlt"
FIXED = {"runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"}}
"""Health data: dlt reports no usage, and its warnings, which quote values, are not shown."""


def is_documented(path: Sequence[str]) -> bool:
    """Whether a name, a section a step, is one that our documents give a meaning to."""
    match list(path):
        case ["sources", "cliniko", "accounts", *_]:
            return True
        case ["sources", "cliniko", name]:
            return name in names()
        case ["cliniko" | "alerts", _] | ["providers", *_, _] | ["runtime", "sentry_dsn"]:
            return True
        case ["destination", "duckdb", *_]:
            return False  # the working file is ours
        case ["destination", "postgres", *rest]:
            return rest[:1] == ["credentials"]
        case ["destination", name, _, *_]:
            return name in dlt.destinations.__all__
    return False


def folders() -> list[Path]:
    """The folders that have files of settings; the first one counts most."""
    return [Path(FOLDER), Path(global_dir())]


class DocumentedNames(ConfigProvider):
    """One of dlt's providers, that knows documented names only."""

    def __init__(self, inner: ConfigProvider) -> None:
        self.inner = inner

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any | None, str]:
        """The value and its name there; None for a name of somebody else's."""
        path = [part for part in (pipeline_name, *sections, key) if part]
        if is_documented(path):
            return self.inner.get_value(key, hint, pipeline_name, *sections)
        return None, ".".join(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def get_value_location(self, key: str, pipeline_name: str | None, *sections: str) -> str:
        """The file that a value is in."""
        return self.inner.get_value_location(key, pipeline_name, *sections)

    @property
    def name(self) -> str:
        """What dlt calls it."""
        return self.inner.name

    @property
    def supports_secrets(self) -> bool:
        """Whether it may hold secrets."""
        return self.inner.supports_secrets

    @property
    def supports_sections(self) -> bool:
        """Whether it knows sections."""
        return self.inner.supports_sections

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing."""
        return self.inner.is_empty

    @property
    def is_writable(self) -> bool:
        """Whether values can be put into it."""
        return self.inner.is_writable

    @property
    def locations(self) -> Sequence[str]:
        """The files that it would read."""
        return self.inner.locations

    @property
    def present_locations(self) -> Sequence[str]:
        """The files that are there."""
        return self.inner.present_locations


class _Secrets(SecretsTomlProvider):
    def _read_toml_file(self, toml_path: str) -> Any:
        return _parsed(toml_path)


class _Config(ConfigTomlProvider):
    def _read_toml_file(self, toml_path: str) -> Any:
        return _parsed(toml_path)


def _parsed(path: str) -> tomlkit.TOMLDocument | None:
    found = toml_files.text(Path(path))
    return None if found is None else tomlkit.parse(found)


class _Unreadable(CustomLoaderDocProvider):
    """Stands for a file that cannot be read; raises only if a lookup gets as far as it."""

    def __init__(self, name: str, supports_secrets: bool, error: UnreadableSettings) -> None:
        super().__init__(name, dict, supports_secrets, [])
        self.error = error

    @property
    def is_empty(self) -> bool:
        return False

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any | None, str]:
        if sections[:1] in (("providers",), ("runtime",)):
            return None, key  # asked for at the very beginning, where nobody can be told
        raise UnreadableSettings(str(self.error))


def _file(kind: type[_Secrets] | type[_Config], folders: Sequence[str]) -> ConfigProvider:
    """The provider of a file of that kind in these folders, the first one counting most."""
    name, secret = ("secrets.toml", True) if kind is _Secrets else ("config.toml", False)
    for folder in folders:
        try:
            toml_files.text(Path(folder) / name)
        except UnreadableSettings as error:
            return _Unreadable(name, secret, error)
    return kind(*folders)


class _Context(RunContext):
    """dlt's run context for our commands: this folder's `.dlt`, and documented names."""

    @property
    def run_dir(self) -> str:
        return "."

    @property
    def local_dir(self) -> str:
        return "."

    @property
    def data_dir(self) -> str:
        return self.global_dir

    @property
    def settings_dir(self) -> str:
        return FOLDER

    def initial_providers(self) -> list[ConfigProvider]:
        files = [_file(kind, [str(folder) for folder in folders()]) for kind in (_Secrets, _Config)]
        fixed = CustomLoaderDocProvider("cliniko", lambda: FIXED, False, [])
        return [fixed, *map(DocumentedNames, [EnvironProvider(), *files])]

    def plug(self) -> None:
        """Restrict the vaults too, which the settings have added by now."""
        found = Container()[PluggableRunContext].providers
        found.providers[1:] = [
            one if isinstance(one, DocumentedNames) else DocumentedNames(one)
            for one in found.providers[1:]
        ]


def is_restricted() -> bool:
    """Whether dlt knows documented settings alone at this moment."""
    container = Container()
    found = PluggableRunContext in container and container[PluggableRunContext].context
    return isinstance(found, _Context)


@contextmanager
def only_documented() -> Iterator[None]:
    """Let dlt know documented settings alone until the block ends, in all threads."""
    container = Container()
    if PluggableRunContext not in container:
        container[PluggableRunContext] = PluggableRunContext(_Context("."))
        try:
            yield
        finally:
            del container[PluggableRunContext]
        return
    found = container[PluggableRunContext]
    if isinstance(found.context, _Context):
        yield
        return
    context, providers = found.context, found.providers
    found.context = _Context(".")
    found.providers = ConfigProvidersContainer(found.context.initial_providers())
    found.add_extras()
    try:
        yield
    finally:
        found.context, found.providers = context, providers
        with suppress(ConfigurationException):  # wrong settings of whoever called us
            context.initialize_runtime()
