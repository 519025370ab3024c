"""Reads our sections of dlt's configuration by their full names only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
    InvalidNativeValue,
    ValueNotSecretException,
)
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import PluggableRunContext, RuntimeConfiguration
from dlt.common.runtime.run_context import RunContext

from partner_center.errors import UsageError, reason_of

# What dlt can ask for, as a user knows it.
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": 'a list, such as ["referrals"]',
}
# Two threads that put their providers in place at once would put each other's back.
_one_thread = threading.RLock()
_SERVER = "Write postgresql://user:password@server:5432/database."


class _FullNames:
    """A configuration provider that answers for keys below one section, and for no others.

    dlt also looks for shorter names: asked for sources.partner_center.base_url, it takes the
    variable BASE_URL, which may be another program's. Providers are the same for all threads, so
    that those that did not make this one are answered as ever.
    """

    def __init__(self, provider: Any, sections: tuple[str, ...]) -> None:
        self._provider = provider
        self._sections = sections
        self._thread = threading.get_ident()

    def get_value(
        self, key: str, hint: Any, pipeline_name: str | None, *sections: str
    ) -> tuple[Any, str]:
        """The value by its full name, and that name."""
        value: tuple[Any, str]
        if threading.get_ident() != self._thread:
            value = self._provider.get_value(key, hint, pipeline_name, *sections)
            return value
        if sections[: len(self._sections)] != self._sections:
            return None, ".".join((*sections, key))
        value = self._provider.get_value(key, hint, None, *sections)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


@contextmanager
def full_names_only(*sections: str) -> Iterator[None]:
    """Within the block dlt finds nothing but keys below `sections`, in this thread."""
    with _one_thread:
        context = Container()[PluggableRunContext].providers
        providers = context.providers
        context.providers = [_FullNames(each, sections) for each in providers]  # type: ignore[misc]
        try:
            yield
        finally:
            context.providers = providers


class _WithoutConfiguration(RunContext):
    """A context of dlt in which nothing is configured."""

    def initial_providers(self) -> list[Any]:
        return []


def forget_configuration() -> None:
    """Let dlt go on without its files and variables, which it could not read."""
    context = PluggableRunContext(_WithoutConfiguration(None))
    Container()[PluggableRunContext] = context


def read_runtime() -> RuntimeConfiguration:
    """dlt's own settings, which say how long and how often requests are tried.

    Raises UsageError where they cannot be read or cannot work.
    """
    with explained_errors("[runtime]"):
        runtime = resolve_configuration(RuntimeConfiguration())
    require_range("runtime.request_timeout", runtime.request_timeout, 0.1, 86_400)
    require_range("runtime.request_max_attempts", runtime.request_max_attempts, 1, 100)
    require_range("runtime.request_backoff_factor", runtime.request_backoff_factor, 0, 86_400)
    require_range("runtime.request_max_retry_delay", runtime.request_max_retry_delay, 0, 86_400)
    return runtime


def require_range(option: str, value: float, low: float, high: float) -> None:
    """Raise UsageError unless the value lies between `low` and `high`, both included."""
    if not low <= value <= high:
        raise UsageError(f"{option} is {value}, but must lie between {low} and {high}.")


@contextmanager
def explained_errors(subject: str) -> Iterator[None]:
    """Turn dlt's errors about values and files into UsageError; `subject` is the section."""
    try:
        yield
    # dlt begins to log as it is configured, so that logging may refuse its level or its format.
    except (ConfigurationException, ValueError) as error:
        raise UsageError(
            f"{_explain(subject, error)} Nothing was done; correct it in .dlt or in the "
            "environment."
        ) from error


def _explain(subject: str, error: Exception) -> str:
    """What is wrong in a section, and what is allowed there."""
    match error:
        case ConfigValueCannotBeCoercedException():
            type_name = getattr(error.hint, "__name__", str(error.hint))
            return (
                f"In {subject}, {error.field_name} is {error.field_value!r}, but must be "
                f"{_TYPES.get(type_name, type_name)}."
            )
        case ValueNotSecretException():
            return (
                f"[{error.key}] stands in {error.provider_name}, but secrets are only read from "
                "secrets.toml beside it and from the environment."
            )
        # Both have no default only where a server has to be named.
        case ConfigFieldMissingException():
            return f"In {subject}, credentials is not set. {_SERVER}"
        case InvalidNativeValue():
            return f"In {subject}, credentials is not the address of a server. {_SERVER}"
    return f"{subject} cannot be read: {reason_of(error)}."
