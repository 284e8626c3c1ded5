"""Pictures from the blob store, as responses."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from fastapi import Request, Response

from api.caching import matches
from api.database import Row
from api.openapi import with_problems
from api.problems import BlobUnavailable, DatabaseUnavailable, NotFound, NotReady
from infra.blob.store import BlobError, BlobKeyError, BlobNotFoundError, BlobStore

__all__ = ["PICTURE", "picture"]

log = logging.getLogger("watchfloor.api")

PICTURE: Final[dict[int | str, dict[str, Any]]] = with_problems(
    {
        200: {
            "description": "The picture",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The picture is the one that the client has (If-None-Match)"},
    },
    NotFound,
    NotReady,
    DatabaseUnavailable,
    BlobUnavailable,
)


async def picture(request: Request, blobs: BlobStore, row: Row) -> Response:
    """The JPEG of a snapshot's row. Raises NotFound where its age took it, BlobUnavailable."""
    tag = f'"{row["snapshot_id"]}"'
    # Revalidated each time: the best picture of an alert may become another one.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    try:
        data = await asyncio.to_thread(blobs.get, row["blob_key"])
    except BlobNotFoundError as error:
        raise NotFound("picture", row["snapshot_id"], "Its age or the quota took it.") from error
    except (BlobError, BlobKeyError) as error:
        log.warning("%s", error)
        raise BlobUnavailable from error
    # The type is said here and not believed from the store; nosniff holds browsers to it.
    return Response(data, media_type="image/jpeg", headers=headers)
