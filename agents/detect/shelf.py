"""The models on this machine: what is there, getting one from its maker, adding one's own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from agents.detect.cards import CARD_SUFFIX, ModelCard, read_card, write_card
from agents.detect.errors import ModelError
from agents.detect.models import catalogue_cards, open_model
from agents.detect.session import file_sha256

__all__ = ["Shelved", "State", "add", "find", "listing", "pull"]

Progress = Callable[[int, int], None]
"""Bytes so far, bytes in all (0: unknown)."""

CHUNK = 256 * 1024
UNKNOWN_SIZE = 512 * 1024**2
"""What a card that does not say its size may download."""

TIMEOUT = 30.0
"""Seconds without a byte."""


class State(StrEnum):
    """Whether a model can be used."""

    READY = "ready"
    """It is here, and it is the right one."""
    ABSENT = "absent"
    """It is in the catalogue only; `pull` gets it."""
    DAMAGED = "damaged"
    """A file is here, with another sha256 than its card says."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A model that is known: its card, where its file is or would be, and how that is."""

    card: ModelCard
    path: Path
    state: State


def listing(directory: Path) -> tuple[Shelved, ...]:
    """The catalogue's models and those that were added, by name. Raises ModelError."""
    cards = {card.name: card for card in catalogue_cards()}
    if directory.is_dir():
        for path in sorted(directory.glob(f"*{CARD_SUFFIX}")):
            card = read_card(path)
            cards.setdefault(card.name, card)
    return tuple(_shelved(card, directory) for _, card in sorted(cards.items()))


def _shelved(card: ModelCard, directory: Path) -> Shelved:
    path = directory / card.file
    if not path.is_file():
        return Shelved(card, path, State.ABSENT)
    right = file_sha256(path) == card.sha256
    return Shelved(card, path, State.READY if right else State.DAMAGED)


def find(name: str, directory: Path) -> Path:
    """The file of the model of that name. Raises ModelError, which says how to get it."""
    for shelved in listing(directory):
        if shelved.card.name == name:
            if shelved.state is State.READY:
                return shelved.path
            raise ModelError(
                name,
                found="is not on this machine"
                if shelved.state is State.ABSENT
                else f"is damaged: {shelved.path} has another sha256 than its card",
                way_out=f"Get it: watchfloor models pull {name}",
            )
    known = ", ".join(shelved.card.name for shelved in listing(directory))
    raise ModelError(
        name,
        found="is neither a file nor a model that is known",
        expected=f"one of {known}",
        way_out="`watchfloor models add FILE` adds another.",
    )


def pull(name: str, directory: Path, *, progress: Progress | None = None) -> Path:
    """Gets a model of the catalogue from where its maker publishes it.

    Nothing is there under its name until it is whole and its sha256 is right. What is there
    already and right is not fetched again. Raises ModelError for an unknown name, no way out to
    the network, a wrong size or sha256, or a full disk.
    """
    cards = [shelved for shelved in listing(directory) if shelved.card.name == name]
    if not cards:
        find(name, directory)
    shelved = cards[0]
    if shelved.state is State.READY:
        return shelved.path
    card = shelved.card
    if not card.source:
        raise ModelError(name, found="has no source on its card", way_out="Use `models add FILE`.")
    with _incoming(shelved.path) as (part, file):
        digest = _download(card, file, progress or (lambda _done, _total: None))
        if digest != card.sha256:
            raise ModelError(
                card.source,
                found=f"is a file with the sha256 {digest}",
                expected=card.sha256,
                way_out="Nothing was kept. Its maker may have replaced it.",
            )
        os.replace(part, shelved.path)
    return shelved.path


def _download(card: ModelCard, file: IO[bytes], progress: Progress) -> str:
    import httpx

    by_hand = (
        f"Download {card.source} on a machine that has one, bring the file here, and run: "
        f"watchfloor models add {card.file}"
    )
    most = card.bytes or UNKNOWN_SIZE
    digest, done = hashlib.sha256(), 0
    try:
        with (
            httpx.Client(follow_redirects=True, max_redirects=5, timeout=TIMEOUT) as client,
            client.stream("GET", card.source) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ModelError(
                    card.source,
                    found=f"answered {response.status_code} {response.reason_phrase}",
                    way_out=by_hand,
                )
            for chunk in response.iter_bytes(CHUNK):
                done += len(chunk)
                if done > most:
                    raise ModelError(
                        card.source, found="is too large", expected=f"at most {most:,} bytes"
                    )
                digest.update(chunk)
                file.write(chunk)
                progress(done, card.bytes)
            file.flush()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelError(
            card.source,
            found=f"cannot be reached: no way out to the network ({type(error).__name__})",
            way_out=by_hand,
        ) from error
    except OSError as error:
        raise ModelError(card.file, found=f"cannot be written ({error.strerror})") from error
    return digest.hexdigest()


def add(file: Path, directory: Path, *, name: str | None = None) -> Shelved:
    """Copies a model here, with its card: the catalogue's, the one beside it, or a guess.

    It is opened first, so what is added can be used. name: instead of the card's. Raises
    ModelError where it cannot be used, where another model has that name or file, or where the
    disk is full.
    """
    opened = open_model(file)
    card = opened.detector.card
    known = {shelved.card.name: shelved for shelved in listing(directory)}
    in_catalogue = any(entry.sha256 == card.sha256 for entry in catalogue_cards())
    if not in_catalogue:
        chosen = name or card.name
        card = read_back(replace(card, name=chosen, file=f"{chosen}.onnx"), file)
    other = known.get(card.name)
    if other is not None and other.card.sha256 != card.sha256:
        raise ModelError(
            card.name,
            found="is the name of another model already",
            way_out="Choose one: watchfloor models add FILE --name NAME",
        )
    target = directory / card.file
    with _incoming(target) as (part, out), file.open("rb") as source:
        try:
            shutil.copyfileobj(source, out, CHUNK)
            out.flush()
        except OSError as error:
            raise ModelError(str(target), found=f"cannot be written ({error.strerror})") from error
        if file_sha256(part) != card.sha256:
            raise ModelError(str(file), found="changed while it was copied")
        if not in_catalogue:
            _write(directory / f"{card.file}{CARD_SUFFIX}", write_card(card))
        os.replace(part, target)
    return Shelved(card, target, State.READY)


def read_back(card: ModelCard, file: Path) -> ModelCard:
    """The card as it will be read again. Raises ModelError for a name that no card may have."""
    import msgspec

    try:
        return msgspec.convert(msgspec.to_builtins(card), ModelCard)
    except msgspec.ValidationError as error:
        raise ModelError(
            str(file),
            found=f"cannot be added as {card.name!r} ({error})",
            expected="a name of lower-case letters, digits, '.', '_' and '-'",
            way_out="Choose one: watchfloor models add FILE --name NAME",
        ) from error


@contextlib.contextmanager
def _incoming(target: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file beside the target that is gone afterwards, unless it was moved to its place."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
    except OSError as error:
        raise ModelError(
            str(target.parent), found=f"cannot be written to ({error.strerror})"
        ) from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield part, file
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    with _incoming(path) as (part, file):
        file.write(text.encode())
        file.flush()
        os.replace(part, path)
