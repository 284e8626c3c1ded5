"""`/v1/tokens`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from msgspec import structs

from api.account import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.account.signin.endpoints import visitor_of
from api.account.token.schemas import TokenBody, TokenMade, TokenView, token_view
from api.body import convert, parse, read
from api.context import ApiDep
from api.openapi import answers, reply, request_body
from api.problems import (
    BeyondOwn,
    BodyTooLarge,
    Conflict,
    DatabaseUnavailable,
    Invalid,
    MalformedBody,
    MissingScope,
    NotFound,
    Unauthenticated,
    UnsupportedMediaType,
)
from api.query import AnyId, Filters

__all__ = ["router"]

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], dependencies=[needs(Scope.TOKENS_ADMIN)])

MAX_BYTES: Final = 131_072
"""A thousand sites fit."""
READ: Final = (Unauthenticated, MissingScope, DatabaseUnavailable)


@router.get(
    "",
    summary="All service tokens",
    responses=answers(list[TokenView], "The tokens", example=[examples.TOKEN], problems=READ),
)
async def every(api: ApiDep, principal: PrincipalDep, _: Annotated[Filters, Query()]) -> Response:
    """Tokens of sites that one administers oneself, by name."""
    return reply([token_view(token) for token in await api.tokens.every(principal)])


@router.post(
    "",
    summary="Make a service token",
    status_code=201,
    openapi_extra=request_body(TokenBody, examples=examples.NEW_TOKENS),
    responses=answers(
        TokenMade,
        "The token, with its text",
        example=examples.TOKEN_MADE,
        status=201,
        problems=(
            *READ,
            MalformedBody,
            BeyondOwn,
            Conflict,
            BodyTooLarge,
            UnsupportedMediaType,
            Invalid,
        ),
    ),
)
async def add(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Make a token for a program. Its text is told here and nowhere else."""
    body = convert(parse(await read(request, limit=MAX_BYTES)), TokenBody)
    token, text = await api.tokens.add(principal, visitor_of(request), body)
    view = token_view(token)
    made = TokenMade(**structs.asdict(view), token=text)
    return reply(made, status=201)


@router.delete(
    "/{token_id}",
    summary="Revoke a service token",
    status_code=204,
    response_class=Response,
    responses=answers(None, "It is revoked", status=204, problems=(*READ, NotFound)),
)
async def revoke(
    request: Request, api: ApiDep, principal: PrincipalDep, token_id: AnyId
) -> Response:
    """Revoke a token: at once here, and within seconds at other servers."""
    await api.tokens.revoke(principal, visitor_of(request), token_id)
    return Response(status_code=204)
