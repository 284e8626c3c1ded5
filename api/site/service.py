"""Sites, as the configuration that every role follows has them; and whose data a request is about.

Every look at data names its sites: `in_scope` is the one place that says which.
"""

from __future__ import annotations

from agents.runtime.configuration import Configuration, SiteConfig
from api.problems import NotFound, NotReady
from api.site.schemas import SiteView

__all__ = ["by_id", "every", "in_scope"]


def _loaded(configuration: Configuration) -> None:
    if not configuration.loaded.is_set():
        raise NotReady("The sites' configuration is still being read.")


def in_scope(configuration: Configuration, site_id: str | None) -> frozenset[str]:
    """The sites that a request is about: the one it names, else all that are configured.

    Raises NotFound for a site that is not configured, NotReady until configuration is read.
    """
    _loaded(configuration)
    if site_id is None:
        return frozenset(configuration.sites)
    if site_id not in configuration.sites:
        raise NotFound("site", site_id)
    return frozenset((site_id,))


def every(configuration: Configuration, sites: frozenset[str]) -> list[SiteView]:
    """Those sites, by id."""
    found = (configuration.sites.get(site_id) for site_id in sorted(sites))
    return [_view(config) for config in found if config is not None]


def by_id(configuration: Configuration, site_id: str) -> SiteView:
    """One site. Raises NotFound."""
    in_scope(configuration, site_id)
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
