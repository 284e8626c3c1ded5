"""Sites, as the configuration that every role follows has them; and whose data a request is about.

Every look at data names its sites: `in_scope` is the one place that says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Depends

from agents.runtime.configuration import Configuration, SiteConfig
from api.account.identity import Principal, PrincipalDep
from api.problems import NotFound, NotReady, SiteBound
from api.site.schemas import SiteView

__all__ = ["EVERY_SITE", "by_id", "every", "in_scope", "require_loaded", "visible"]


def require_loaded(configuration: Configuration) -> None:
    """Raise NotReady until configuration is read."""
    if not configuration.loaded.is_set():
        raise NotReady("The sites' configuration is still being read.")


def in_scope(
    configuration: Configuration, principal: Principal, site_id: str | None
) -> frozenset[str]:
    """The sites that a request is about: the one it names, else all that its principal may see.

    Raises NotFound for a site that is not configured, and in the same words for one that is not
    the principal's; NotReady until configuration is read.
    """
    sites = visible(configuration, principal)
    if site_id is None:
        return frozenset(sites)
    if site_id not in sites:
        raise NotFound("site", site_id)
    return frozenset((site_id,))


def visible(configuration: Configuration, principal: Principal) -> Mapping[str, SiteConfig]:
    """The configuration of the sites that a principal may see. Raises NotReady."""
    require_loaded(configuration)
    if principal.sites is None:
        return configuration.sites
    return {key: one for key, one in configuration.sites.items() if key in principal.sites}


async def _every_site(principal: PrincipalDep) -> None:
    if principal.sites is not None:
        raise SiteBound


EVERY_SITE: Final[Any] = Depends(_every_site)
"""For the `dependencies` of a route that tells of no one site: networks, the server itself."""


def every(configuration: Configuration, sites: frozenset[str]) -> list[SiteView]:
    """Those sites, by id."""
    found = (configuration.sites.get(site_id) for site_id in sorted(sites))
    return [_view(config) for config in found if config is not None]


def by_id(configuration: Configuration, principal: Principal, site_id: str) -> SiteView:
    """One site. Raises NotFound."""
    in_scope(configuration, principal, site_id)
    return _view(configuration.sites[site_id])


def _view(config: SiteConfig) -> SiteView:
    site = config.site
    return SiteView(
        site_id=site.site_id,
        name=site.name or site.site_id,
        timezone=site.timezone or "UTC",
        enabled=site.enabled,
        notifications_enabled=site.notifications.enabled,
        cameras=len(config.cameras),
        zones=len(config.zones),
        revision=config.revision,
    )
