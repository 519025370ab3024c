"""What a user may change about how Partner Center is read."""

import os
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from dlt.common.configuration import configspec
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, CredentialsConfiguration
from dlt.common.configuration.utils import deserialize_value
from dlt.common.typing import TSecretStrValue

from partner_center.configuration import (
    explained_errors,
    forget_configuration,
    full_names_only,
    read_runtime,
    require_range,
)
from partner_center.configuration_files import check_names, look_up, read_files, resolve_path
from partner_center.endpoints import (
    CLOUDS,
    ENGAGEMENTS_BASE_URL,
    MAX_PAGE_SIZE,
    RESOURCE_NAMES,
    require_safe_url,
)
from partner_center.errors import UsageError


@configspec
class PartnerCenterCredentials(CredentialsConfiguration):
    """Who signs in, and how; every field is optional because each way needs others."""

    tenant_id: str = ""
    """Directory (tenant) of your organisation: its id, or a domain such as `contoso.example`."""
    client_id: str = ""
    """Application (client) id of your app registration."""
    client_secret: TSecretStrValue = ""
    """Secret of that registration, for a server: with `referrals login`, or with
    `refresh_token`."""
    refresh_token: TSecretStrValue = ""
    """From the consent of a partner user (Secure Application Model). Newer ones that replace it are
    kept in the token cache."""
    access_token: TSecretStrValue = ""
    """A token that you obtained elsewhere. It is sent as it is; nothing renews it."""
    engagements_access_token: TSecretStrValue = ""
    """The same for engagements, whose host takes tokens of another audience."""
    authority: str = ""
    """Sign-in address, where it is not that of the cloud and the tenant."""
    token_cache: str = ""
    """File in which tokens are kept, readable by you alone; otherwise one in your user's data
    directory."""

    def clean(self) -> None:
        """Remove what comes along when a secret is copied: blanks, a newline, `Bearer`."""
        for name in self.get_resolvable_fields():
            value = (getattr(self, name) or "").strip()
            if name.endswith("access_token"):
                value = re.sub(r"^bearer\s+", "", value, flags=re.IGNORECASE)
            setattr(self, name, value)

    def require_client(self) -> None:
        """Raise UsageError unless these say which application signs in, and at which authority."""
        if not self.client_id:
            raise UsageError(
                "Nothing says who signs in to Partner Center. In "
                "sources.partner_center.credentials set client_id and tenant_id of your app "
                "registration and run 'referrals login', or set access_token."
            )
        if not self.authority.startswith("https://"):
            raise UsageError(
                f"The sign-in authority is '{self.authority}', but tokens are only asked for over "
                "https. Correct sources.partner_center.credentials.authority."
            )


@configspec
class PartnerCenterSettings(BaseConfiguration):
    """Which Partner Center is read, and how hard.

    What stands below each field is its entry in docs/configuration.md.
    """

    cloud: str = "global"
    """Which of Microsoft's clouds: `global`, `us_government` or `germany`."""
    base_url: str = ""
    """Address of the API, where it is not that of the cloud: https, except on this machine."""
    resources: list[str] = field(default_factory=lambda: ["referrals"])
    """What is loaded: any of `referrals`, `engagements` (deals, with their value) and `search`."""
    engagements_base_url: str = ""
    """Address of the engagements API, where it is not Microsoft's: https, except on this
    machine."""
    page_size: int = MAX_PAGE_SIZE
    """Records per request, 1 to 9999; engagements come 100 at a time at most."""
    parallel_requests: int = 4
    """Requests at the same time, 1 to 32."""
    lookback_days: float = 7.0
    """How far before the newest activity known an incremental load looks back, 0 to 3650 days."""
    max_wait_seconds: float = 900.0
    """How long the load of one resource may wait in total while Partner Center throttles, 0 to
    86400 s."""
    credentials: PartnerCenterCredentials = None  # type: ignore[assignment]

    def complete(self, section: str = "sources.partner_center") -> None:
        """Refuse what cannot work, named as of `section`, and fill in what the cloud decides."""
        if self.cloud not in CLOUDS:
            raise UsageError(
                f"There is no cloud '{self.cloud}'. Set {section}.cloud to one of: "
                f"{', '.join(CLOUDS)}."
            )
        self.credentials.clean()
        cloud = CLOUDS[self.cloud]
        self.base_url = (self.base_url or cloud.base_url).rstrip("/")
        require_safe_url(self.base_url, f"{section}.base_url")
        self.engagements_base_url = (self.engagements_base_url or ENGAGEMENTS_BASE_URL).rstrip("/")
        require_safe_url(self.engagements_base_url, f"{section}.engagements_base_url")
        _require_resources(self.resources, f"{section}.resources")
        tenant = self.credentials.tenant_id or "organizations"
        self.credentials.authority = (
            self.credentials.authority or f"{cloud.authority}/{tenant}"
        ).rstrip("/")
        require_safe_url(self.credentials.authority, f"{section}.credentials.authority")
        require_range(f"{section}.page_size", self.page_size, 1, MAX_PAGE_SIZE)
        require_range(f"{section}.parallel_requests", self.parallel_requests, 1, 32)
        require_range(f"{section}.lookback_days", self.lookback_days, 0, 3_650)
        require_range(f"{section}.max_wait_seconds", self.max_wait_seconds, 0, 86_400)


def resolve_settings(section: str = "partner_center", **given: Any) -> PartnerCenterSettings:
    """Read `[sources.<section>]` of dlt's configuration, where a value is not `given` (not None).

    Raises UsageError where a value cannot be read or cannot work, and for a key that nobody knows.
    """
    check_names(read_files(), os.environ, known_keys(section), are_alone=False)
    with explained_errors(f"sources.{section}"), full_names_only("sources", section):
        settings = resolve_configuration(
            PartnerCenterSettings(), sections=("sources", section), explicit_value=_coerce(given)
        )
    settings.complete(f"sources.{section}")
    # Relative to the file that names it, as every path in a file.
    named, directory = look_up(f"sources.{section}.credentials", "token_cache")
    if settings.credentials.token_cache == named != "":
        option = f"sources.{section}.credentials.token_cache"
        settings.credentials.token_cache = str(resolve_path(named, directory, option))
    return settings


def check_source_configuration() -> None:
    """Raise UsageError for what dlt cannot read, and for keys of the source that nobody knows.

    After an error dlt goes on without any configuration, so that a failed load can still send its
    alert.
    """
    try:
        check_names(read_files(), os.environ, known_keys())
        read_runtime()
    except UsageError:
        forget_configuration()
        raise


def known_keys(section: str = "partner_center") -> dict[str, set[str]]:
    """The keys of [sources.<section>] and of the section of its credentials."""
    return {
        f"sources.{section}": set(PartnerCenterSettings.get_resolvable_fields()),
        f"sources.{section}.credentials": set(PartnerCenterCredentials.get_resolvable_fields()),
    }


def _coerce(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are given, of the types that the settings have; a text may be a number."""
    hints = PartnerCenterSettings.get_resolvable_fields()
    coerced = {}
    for name, value in given.items():
        if name == "credentials" and isinstance(value, Mapping):
            known = PartnerCenterCredentials.get_resolvable_fields()
            if unknown := sorted(value.keys() - known.keys()):
                raise UsageError(
                    f"credentials has no {', '.join(unknown)}. Known are: {', '.join(known)}. "
                    "Nothing was sent."
                )
            value = {key: str(each) for key, each in value.items() if each is not None}
        elif name == "credentials" and not isinstance(value, PartnerCenterCredentials | None):
            raise UsageError(
                f"credentials is of the type {type(value).__name__}. Nothing was sent; give a "
                "mapping such as {'access_token': '...'}."
            )
        elif value is not None:
            value = deserialize_value(name, value, hints[name])
        if value is not None:
            coerced[name] = value
    return coerced


def _require_resources(names: list[str], option: str) -> None:
    unknown = [name for name in names if name not in RESOURCE_NAMES]
    if not names or unknown or len(set(names)) < len(names):
        raise UsageError(
            f"{option} is {names!r}, but must list each of "
            f"{', '.join(RESOURCE_NAMES)} at most once, and one at least. Nothing was sent; write "
            'for example resources = ["referrals", "engagements"].'
        )
