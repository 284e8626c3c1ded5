"""A user's own browsers: kept, removed, and tried. Who is told of what is the route tree's affair.

Nothing is sent from here: a browser is tried by the role that tells people, as of alerts.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec import Struct

from agents.notify.errors import ChannelError
from agents.notify.push.selection import names
from agents.notify.push.subscription import Keys, Subscription, flaws, id_of, plain, purpose_of
from agents.notify.targets import Policy, policy_of, resolve
from api.account import repository as accounts
from api.account.identity import Principal, Scope
from api.account.signin import repository as sessions
from api.notify.schemas import NotifyAnswer
from api.notify.service import ask
from api.problems import (
    Conflict,
    FieldError,
    Invalid,
    MissingScope,
    NotFound,
    Unauthenticated,
    UsersOnly,
)
from api.push import repository as rows
from api.push.repository import Kept
from api.push.schemas import KeyView, PushState, PushSubscriptionBody, PushView, view
from api.site.service import require_loaded, visible
from infra.db.pool import AsyncConnection
from infra.errors import WatchfloorError
from infra.secrets import lookup
from infra.vapid import public_part
from schemas.document import Channel, Routing
from schemas.ids import notification_id
from schemas.notification import Note, NotifyRequest, NotifyStatus

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["MOST_BROWSERS", "add", "browsers", "receivers_for", "remove", "try_out"]

MOST_BROWSERS: Final = 20
RESOLVE_S: Final = 3.0

SAID: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("This works", "Watchfloor tells this device from now on."),
    "de": ("Das geht", "Watchfloor meldet sich von nun an auf diesem Gerät."),
}


class _Offered(Struct, frozen=True):
    """receivers: of each key, by its public part. shut: there are channels whose key is none."""

    receivers: dict[str, list[str]]
    shut: bool


def receivers_for(routing: Routing, user: str) -> list[tuple[str, Channel]]:
    """The channels that go to a user's browsers, with their receivers, in the document's order."""
    return [
        (receiver.name, channel)
        for receiver in routing.receivers
        for channel in receiver.channels
        if names(channel, user)
    ]


async def _offered(api: Api, principal: Principal) -> _Offered:
    require_loaded(api.configuration)
    found: dict[str, list[str]] = {}
    shut = False
    for receiver, channel in receivers_for(api.configuration.routing, principal.name):
        try:
            key = await asyncio.to_thread(_public, api, channel)
        except (WatchfloorError, ValueError):
            shut = True
            continue
        told = found.setdefault(key, [])
        if receiver not in told:
            told.append(receiver)
    return _Offered(found, shut)


def _public(api: Api, channel: Channel) -> str:
    name = str(channel.options.get("credentials", ""))
    return public_part(lookup(name, state_dir=api.settings.state_dir).reveal())


def _user(principal: Principal) -> str:
    """The session of whoever asks. Raises UsersOnly: a program has no browser."""
    if principal.kind != "user" or principal.session_id is None:
        raise UsersOnly
    return principal.session_id


def _told_of_alerts(principal: Principal) -> None:
    if not principal.may(Scope.ALERTS_READ):
        raise MissingScope(Scope.ALERTS_READ)


async def browsers(api: Api, principal: Principal) -> PushView:
    """What a page needs to add this browser, and the browsers that there are. Raises UsersOnly."""
    _user(principal)
    offered = await _offered(api, principal)
    state = PushState.NO_KEY if offered.shut else PushState.NO_RECEIVER
    async with api.database.accounts() as connection:
        kept = await rows.every(connection, principal.id)
    return PushView(
        state=PushState.READY if offered.receivers else state,
        keys=tuple(
            KeyView(key=key, receivers=tuple(told)) for key, told in offered.receivers.items()
        ),
        subscriptions=tuple(view(browser) for browser in kept),
    )


async def add(api: Api, principal: Principal, push_id: str, body: PushSubscriptionBody) -> Kept:
    """Keep a browser. The same one again is the same one, with what is said of it now.

    Raises Invalid for what is no subscription, and for a push service that no site of the user's
    allows; NotFound for somebody else's; Conflict where there are too many.
    """
    session_id = _user(principal)
    _told_of_alerts(principal)
    subscription = Subscription(
        endpoint=body.endpoint, keys=Keys(p256dh=body.keys.p256dh, auth=body.keys.auth)
    )
    await _check(api, principal, push_id, body, subscription)
    vault = api.accounts.vault
    purpose = purpose_of(principal.id, push_id)
    sealed = await asyncio.to_thread(vault.seal, purpose, plain(subscription))
    now = api.now()
    browser = Kept(
        subscription_id=push_id,
        key=body.key,
        least=body.least,
        label=body.label,
        language=body.language,
        made_at=now,
    )
    async with api.database.accounts() as connection:
        # First the account, then the session, as everybody locks them.
        if await accounts.by_id(connection, principal.id) is None:
            raise Unauthenticated("The account is gone.")
        if await sessions.session(connection, session_id, now) is None:
            raise Unauthenticated("The session has ended.")
        await _make_room(connection, principal.id, push_id)
        if not await rows.add(connection, principal.id, session_id, browser, sealed):
            raise NotFound("push subscription", push_id)
        kept = await rows.one(connection, principal.id, push_id)
    return kept or browser


async def _check(
    api: Api,
    principal: Principal,
    push_id: str,
    body: PushSubscriptionBody,
    subscription: Subscription,
) -> None:
    wrong = [FieldError(field=f"body.{field}", detail=said) for field, said in flaws(subscription)]
    if not wrong and push_id != id_of(body.endpoint):
        wrong.append(
            FieldError(field="body.endpoint", detail="its SHA-256 in hex has to be the path's id")
        )
    if not wrong and body.key not in (await _offered(api, principal)).receivers:
        wrong.append(
            FieldError(field="body.key", detail="has to be one of those that GET /v1/me/push has")
        )
    if not wrong and (refused := await _refusal(api, principal, body.endpoint)) is not None:
        wrong.append(FieldError(field="body.endpoint", detail=refused))
    if wrong:
        raise Invalid(wrong)


async def _refusal(api: Api, principal: Principal, endpoint: str) -> str | None:
    """Why no site of the user's would let its notifications go there, or None.

    Each push is held against its own site's rules again; a name that is not found here may be
    found there.
    """
    parts = urlsplit(endpoint)
    try:
        async with asyncio.timeout(RESOLVE_S):
            await resolve(parts.hostname or "", parts.port or 443, _policy(api, principal))
    except ChannelError as error:
        return str(error)[:300] if error.final else None
    except TimeoutError:
        return None
    return None


def _policy(api: Api, principal: Principal) -> Policy:
    """What any of the user's sites allows."""
    policies = [
        policy_of(one.site.notifications) for one in visible(api.configuration, principal).values()
    ]
    return Policy(
        any(policy.internal for policy in policies),
        tuple(network for policy in policies for network in policy.networks),
    )


async def _make_room(connection: AsyncConnection, account_id: str, push_id: str) -> None:
    kept = await rows.every(connection, account_id)
    if any(one.subscription_id == push_id for one in kept) or len(kept) < MOST_BROWSERS:
        return
    if not any(one.gone_at for one in kept):
        raise Conflict(f"You have {MOST_BROWSERS} browsers already; remove one first.")
    await rows.remove_gone(connection, account_id)


async def remove(api: Api, principal: Principal, push_id: str) -> None:
    """Tell a browser nothing more. Raises NotFound, for somebody else's too."""
    _user(principal)
    async with api.database.accounts() as connection:
        if not await rows.remove(connection, principal.id, push_id):
            raise NotFound("push subscription", push_id)


async def try_out(api: Api, principal: Principal, push_id: str) -> NotifyAnswer:
    """Have one push sent to a browser, by the way that alerts take, and wait for what came of it.

    Raises NotFound, and Conflict where no receiver, or no site, would tell it.
    """
    _user(principal)
    _told_of_alerts(principal)
    offered = await _offered(api, principal)
    async with api.database.accounts() as connection:
        browser = await rows.one(connection, principal.id, push_id)
    if browser is None:
        raise NotFound("push subscription", push_id)
    receivers = offered.receivers.get(browser.key)
    if not receivers:
        raise Conflict("No receiver pushes by the key that this browser has: add it once more.")
    site_id = _site(api, principal)
    if site_id is None:
        raise Conflict("You see no site whose notifications are on.")
    now = api.now()
    title, text = SAID.get(browser.language.split("-")[0], SAID["en"])
    request = NotifyRequest(
        notification_id=notification_id(site_id, receivers[0], f"push/{push_id}/{uuid.uuid4()}", 0),
        site_id=site_id,
        receiver=receivers[0],
        status=NotifyStatus.FIRING,
        kind="internal",
        group="internal/push",
        flush=0,
        requested_at=now,
        # Somebody waits for it in front of a screen: it is tried once.
        deadline=now,
        alerts=(),
        total=0,
        note=Note(title=title, text=text, source="push"),
        only=push_id,
    )
    return await ask(api, request)


def _site(api: Api, principal: Principal) -> str | None:
    """A site of the user's whose notifications are on; by its rules the browser is tried."""
    sites = visible(api.configuration, principal)
    return next(
        (
            site_id
            for site_id in sorted(sites)
            if sites[site_id].site.enabled and sites[site_id].site.notifications.enabled
        ),
        None,
    )
