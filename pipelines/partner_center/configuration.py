"""Reads our sections of dlt's configuration by their full names only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import PluggableRunContext


class _FullNames:
    """A configuration provider that answers for keys below one section, and for no others.

    dlt also looks for shorter names: asked for sources.partner_center.base_url, it takes the
    variable BASE_URL, which may be another program's.
    """

    def __init__(self, provider: Any, sections: tuple[str, ...]) -> None:
        self._provider = provider
        self._sections = sections

    def get_value(
        self, key: str, hint: Any, pipeline_name: str | None, *sections: str
    ) -> tuple[Any, str]:
        """The value by its full name, and that name."""
        if sections[: len(self._sections)] != self._sections:
            return None, ".".join((*sections, key))
        value: tuple[Any, str] = self._provider.get_value(key, hint, None, *sections)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


@contextmanager
def full_names_only(*sections: str) -> Iterator[None]:
    """Within the block dlt finds nothing but keys below `sections`."""
    context = Container()[PluggableRunContext].providers
    providers = context.providers
    context.providers = [_FullNames(each, sections) for each in providers]  # type: ignore[misc]
    try:
        yield
    finally:
        context.providers = providers
