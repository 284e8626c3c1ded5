"""`/v1/cameras/onboard` and `/v1/nvrs/connect`: devices taken on."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.body import parse, read
from api.context import ApiDep
from api.onboard.schemas import CameraBody, CameraTaken, RecorderBody, RecorderTaken
from api.openapi import answers, reply, request_body
from api.problems import (
    BodyTooLarge,
    DatabaseUnavailable,
    Invalid,
    NotFound,
    NotOnboarded,
    NotReady,
    TooManyOnboardings,
)

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["onboarding"])

MAX_BYTES: Final = 65_536
PROBLEMS: Final = (
    NotOnboarded,
    BodyTooLarge,
    Invalid,
    NotFound,
    NotReady,
    TooManyOnboardings,
    DatabaseUnavailable,
)


@router.post(
    "/cameras/onboard",
    dependencies=[needs(Scope.DEVICES_WRITE)],
    summary="Take a camera on by ONVIF",
    status_code=201,
    openapi_extra=request_body(CameraBody, examples=examples.ONBOARDINGS),
    responses=answers(
        CameraTaken,
        "It is in the site's document, with its streams",
        example=examples.CAMERA_TAKEN,
        status=201,
        more=answers(CameraTaken, "It was there already", example=examples.CAMERA_TAKEN),
        problems=PROBLEMS,
    ),
)
async def camera(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Check the log-in, read the camera, try its stream, and put it into its site's document.

    It takes up to a minute. A camera is known again by its serial number, else by its address:
    taking it on twice updates it, and what a person wrote of it stays. `step` and `fault` of the
    problem say what failed, and nothing was changed then. A log-in that was refused is not sent
    again for 5 min.
    """
    taken = await api.onboarding.camera(principal, parse(await read(request, limit=MAX_BYTES)))
    return reply(taken, status=201 if taken.created else 200)


@router.post(
    "/nvrs/connect",
    dependencies=[needs(Scope.DEVICES_WRITE)],
    summary="Take a recorder on, and its channels as cameras",
    status_code=201,
    openapi_extra=request_body(RecorderBody, examples=examples.RECORDERS),
    responses=answers(
        RecorderTaken,
        "It is in the site's document with its cameras",
        example=examples.RECORDER_TAKEN,
        status=201,
        more=answers(RecorderTaken, "It was there already", example=examples.RECORDER_TAKEN),
        problems=PROBLEMS,
    ),
)
async def recorder(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Check the log-in, read the recorder's channels, and put all of it into its site's document.

    A channel's camera has an id of the recorder and the channel. Taking it on twice updates it; a
    camera that a person renamed keeps its name and its id, and one that the recorder has no more
    stays.
    """
    taken = await api.onboarding.recorder(principal, parse(await read(request, limit=MAX_BYTES)))
    return reply(taken, status=201 if taken.created else 200)
