"""Devices taken on on behalf of whoever asks: few at a time, and no refused log-in sent twice."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from agents.runtime.configuration import Configuration
from agents.watch.drivers.base import Fault
from api.account.identity import Principal
from api.body import convert
from api.onboard.schemas import (
    CameraBody,
    CameraTaken,
    DescribedView,
    LogIn,
    PictureView,
    RecorderBody,
    RecorderTaken,
)
from api.problems import (
    DatabaseUnavailable,
    FieldError,
    Invalid,
    NotOnboarded,
    TooManyOnboardings,
)
from api.site.service import in_scope
from infra.db.errors import DatabaseError
from infra.errors import WatchfloorError
from infra.onboard.described import Described, OnboardError, Step
from infra.onboard.document import IdTakenError
from infra.onboard.taking import Asked, connect_recorder, onboard_camera
from infra.secrets import Secret

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Onboarding"]

AT_ONCE: Final = 4
REFUSED_FOR: Final = timedelta(minutes=5)
"""How long a refused log-in is not sent again: vendors lock an account for as long and longer."""
MOST_REFUSED: Final = 1_000


class Onboarding:
    """What requests to take a device on work with."""

    def __init__(
        self, settings: Settings, configuration: Configuration, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._now = now
        self._under_way = 0
        self._key = secrets.token_bytes(32)
        self._refused: OrderedDict[bytes, datetime] = OrderedDict()

    async def camera(self, principal: Principal, raw: Mapping[str, Any]) -> CameraTaken:
        """Take a camera on.

        Raises Invalid, NotFound and NotReady, NotOnboarded with what failed, TooManyOnboardings,
        and DatabaseUnavailable.
        """
        body = convert(raw, CameraBody)
        asked = self._asked(principal, body, id=body.camera_id)
        async with self._turn(asked, "camera_id"):
            taken = await onboard_camera(self._settings, asked)
        channel = taken.described.channels[0]
        return CameraTaken(
            site_id=body.site_id,
            camera_id=taken.camera_id,
            name=taken.name,
            created=taken.created,
            revision=taken.revision,
            device=_device(taken.described),
            main=channel.main,
            sub=channel.sub,
            picture=PictureView(
                data=taken.picture.jpeg, width=taken.picture.width, height=taken.picture.height
            ),
        )

    async def recorder(self, principal: Principal, raw: Mapping[str, Any]) -> RecorderTaken:
        """Take a recorder on with its cameras. Raises as `camera` does."""
        body = convert(raw, RecorderBody)
        asked = self._asked(
            principal, body, id=body.device_id, driver=body.driver, channels=body.channels
        )
        async with self._turn(asked, "device_id"):
            taken = await connect_recorder(self._settings, asked)
        return RecorderTaken(
            site_id=body.site_id,
            device_id=taken.device_id,
            name=taken.name,
            created=taken.created,
            revision=taken.revision,
            device=_device(taken.described),
            camera_ids=taken.cameras,
            new_camera_ids=taken.new,
        )

    def _asked(self, principal: Principal, body: CameraBody | RecorderBody, **more: Any) -> Asked:
        in_scope(self._configuration, principal, body.site_id)
        given: LogIn | None = body.credentials
        return Asked(
            site_id=body.site_id,
            address=body.address,
            username=given.username if given is not None else None,
            password=Secret(given.password) if given is not None else None,
            author=principal.name,
            name=body.name,
            **more,
        )

    @contextlib.asynccontextmanager
    async def _turn(self, asked: Asked, id_field: str) -> AsyncIterator[None]:
        """One of a few at a time; what fails becomes what the client is told."""
        offered = self._offered(asked)
        since = self._refused.get(offered)
        if since is not None and self._now() - since < REFUSED_FOR:
            raise NotOnboarded(
                Step.INFORMATION.value,
                Fault.CREDENTIALS.value,
                "it refused the name and the password before; they are not sent again for "
                f"{REFUSED_FOR.total_seconds() / 60:.0f} min",
            )
        if self._under_way >= AT_ONCE:
            raise TooManyOnboardings(AT_ONCE)
        self._under_way += 1
        try:
            yield
        except OnboardError as error:
            if error.fault is Fault.CREDENTIALS and asked.username is not None:
                self._refuse(offered)
            raise NotOnboarded(error.step.value, error.fault.value, error.detail) from None
        except IdTakenError as error:
            field = FieldError(field=f"body.{id_field}", detail=error.message)
            raise Invalid([field]) from None
        except DatabaseError:
            raise DatabaseUnavailable from None
        except WatchfloorError as error:
            raise NotOnboarded("document", "refused", error.message[:500]) from None
        else:
            self._refused.pop(offered, None)
        finally:
            self._under_way -= 1

    def _offered(self, asked: Asked) -> bytes:
        """A log-in at an address, so that it is known again and cannot be read."""
        password = asked.password.reveal() if asked.password is not None else ""
        parts = (asked.address.strip().lower(), asked.username or "", password)
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _refuse(self, offered: bytes) -> None:
        self._refused[offered] = self._now()
        self._refused.move_to_end(offered)
        while len(self._refused) > MOST_REFUSED:
            self._refused.popitem(last=False)


def _device(found: Described) -> DescribedView:
    return DescribedView(
        manufacturer=found.manufacturer,
        model=found.model,
        firmware=found.firmware,
        serial=found.serial,
    )
