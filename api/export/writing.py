"""Rows as text. A spreadsheet runs what looks like a formula: no cell of ours does."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from api.export.schemas import ExportFormat

__all__ = ["MEDIA_TYPES", "Writer", "accepts_gzip", "cell"]

MEDIA_TYPES: Final = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
}

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula, or ends a cell early, in one spreadsheet or another (OWASP)."""

_encoder = msgspec.json.Encoder()


def cell(value: Any) -> str:
    """A value as a cell: numbers as they are, a time in UTC, lists and objects as JSON.

    Text that a spreadsheet would run as a formula has an apostrophe before it, as people write it
    there themselves.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    text = _encoder.encode(value).decode()
    return text.strip('"') if isinstance(value, datetime) else text


class Writer:
    """Rows to bytes, a batch at a time; compressed where that is asked for."""

    def __init__(self, columns: Sequence[str], form: ExportFormat, *, gzip: bool) -> None:
        self._columns = tuple(columns)
        self._form = form
        # 16 and the largest window: with gzip's own frame around it.
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if gzip else None

    def begin(self) -> bytes:
        """What comes before all rows."""
        return self._out(self._csv([self._columns])) if self._form is ExportFormat.CSV else b""

    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """A batch."""
        if self._form is ExportFormat.CSV:
            return self._out(self._csv([cell(value) for value in row] for row in rows))
        lines = [_encoder.encode(dict(zip(self._columns, row, strict=True))) for row in rows]
        return self._out(b"\n".join([*lines, b""]) if lines else b"")

    def end(self) -> bytes:
        """What comes after them."""
        return b"" if self._gzip is None else self._gzip.flush()

    def _csv(self, rows: Iterable[Sequence[str]]) -> bytes:
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows(rows)
        return out.getvalue().encode("utf-8", "replace")

    def _out(self, data: bytes) -> bytes:
        return data if self._gzip is None else self._gzip.compress(data)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether an Accept-Encoding header asks for gzip."""
    for part in (accept_encoding or "").split(",")[:20]:
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        if name in {"gzip", "x-gzip"}:
            return not any(
                word.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
                for word in parameters
            )
    return False
