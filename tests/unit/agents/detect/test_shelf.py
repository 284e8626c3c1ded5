"""Getting and adding models, against a real server on this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace

from agents.detect.cards import CARD_SUFFIX, ModelCard, write_card
from agents.detect.errors import ModelError
from agents.detect.models import open_model
from agents.detect.shelf import State, add, find, listing, pull
from infra.cli.main import main
from tests.unit.agents.detect.graphs import yolox_of_brightness
from tests.unit.agents.detect.test_models import card_of

MODEL = b"not looked into until it is opened " * 20_000


class Maker(BaseHTTPRequestHandler):
    """`/model` is one, `/moved` leads there, `/endless` never ends, all else is not there."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/model")
            self.end_headers()
            return
        self.send_response(200 if self.path in ("/model", "/endless") else 404)
        self.end_headers()
        if self.path == "/endless":
            try:
                while True:
                    self.wfile.write(b"0" * 65_536)
            except OSError:
                return
        if self.path == "/model":
            self.wfile.write(MODEL)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def maker() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Maker)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def shelve(directory: Path, source: str, **other: object) -> ModelCard:
    """A card of a model that is not here yet."""
    example = next(entry.card for entry in listing(directory) if entry.card.name == "yolox-nano")
    card = replace(
        example,
        name="own",
        file="own.onnx",
        source=source,
        sha256=hashlib.sha256(MODEL).hexdigest(),
        bytes=len(MODEL),
    )
    card = replace(card, **other)
    (directory / f"own.onnx{CARD_SUFFIX}").write_text(write_card(card))
    return card


def test_the_catalogue_is_listed_where_nothing_is(tmp_path: Path) -> None:
    shelf = listing(tmp_path / "models")
    assert [(entry.card.name, entry.state) for entry in shelf] == [
        ("fastestdet", State.ABSENT),
        ("yolox-nano", State.ABSENT),
    ]
    with pytest.raises(ModelError, match="not on this machine") as caught:
        find("yolox-nano", tmp_path)
    assert "models pull yolox-nano" in caught.value.way_out
    with pytest.raises(ModelError, match="one of fastestdet, yolox-nano"):
        find("nothing", tmp_path)


@pytest.mark.parametrize("path", ["/model", "/moved"])
def test_pull_gets_it_checks_it_and_says_how_far(tmp_path: Path, maker: str, path: str) -> None:
    shelve(tmp_path, maker + path)
    told: list[tuple[int, int]] = []
    target = pull("own", tmp_path, progress=lambda done, total: told.append((done, total)))
    assert target.read_bytes() == MODEL
    assert told[-1] == (len(MODEL), len(MODEL))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert find("own", tmp_path) == target
    assert pull("own", tmp_path, progress=lambda *_: pytest.fail("fetched again")) == target


@pytest.mark.parametrize(
    ("path", "change", "says"),
    [
        ("/model", {"sha256": "0" * 64}, "Nothing was kept"),
        ("/endless", {}, "too large"),
        ("/nothing", {}, "404"),
    ],
)
def test_pull_leaves_nothing_half_done(
    tmp_path: Path, maker: str, path: str, change: dict[str, object], says: str
) -> None:
    shelve(tmp_path, maker + path, **change)
    with pytest.raises(ModelError, match=says):
        pull("own", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [f"own.onnx{CARD_SUFFIX}"]


def test_pull_without_a_way_out_says_what_to_do(tmp_path: Path) -> None:
    shelve(tmp_path, "http://127.0.0.1:1/model")
    with pytest.raises(ModelError, match="no way out to the network") as caught:
        pull("own", tmp_path)
    assert "models add own.onnx" in caught.value.way_out


def test_a_damaged_file_is_told_and_pulled_again(tmp_path: Path, maker: str) -> None:
    shelve(tmp_path, f"{maker}/model")
    (tmp_path / "own.onnx").write_bytes(b"something else")
    assert {e.card.name: e.state for e in listing(tmp_path)}["own"] is State.DAMAGED
    with pytest.raises(ModelError, match="damaged"):
        find("own", tmp_path)
    assert pull("own", tmp_path).read_bytes() == MODEL


def test_add_copies_a_model_with_the_card_beside_it(tmp_path: Path) -> None:
    source, shelf = tmp_path / "here", tmp_path / "shelf"
    source.mkdir()
    path = yolox_of_brightness(source / "Best Model.onnx")
    card = write_card(replace(card_of(path), file="best.onnx"))
    path.with_name(path.name + CARD_SUFFIX).write_text(card)
    added = add(path, shelf, name="our-yard")
    assert added.card.name == "our-yard"
    assert find("our-yard", shelf) == added.path
    assert open_model(added.path).detector.classes == ("light",)
    assert add(path, shelf, name="our-yard").path == added.path
    path.unlink()
    assert open_model(added.path).detector.name == "our-yard"


def test_add_refuses_what_cannot_be_used_or_found_again(tmp_path: Path) -> None:
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"junk")
    with pytest.raises(ModelError, match="no model that ONNX Runtime can load"):
        add(junk, tmp_path / "shelf")
    path = yolox_of_brightness(tmp_path / "own.onnx")
    path.with_name(path.name + CARD_SUFFIX).write_text(write_card(card_of(path)))
    with pytest.raises(ModelError, match="name of another model already"):
        add(path, tmp_path / "shelf", name="yolox-nano")
    with pytest.raises(ModelError, match="cannot be added as"):
        add(path, tmp_path / "shelf", name="../escape")
    assert not list((tmp_path / "shelf").glob("*"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHFLOOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WATCHFLOOR_STATE", str(tmp_path / "state"))
    return tmp_path / "cache" / "models"


def test_the_command_lists(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["state"], row["classes"]) for row in rows] == [
        ("fastestdet", "absent", 80),
        ("yolox-nano", "absent", 80),
    ]
    assert main(["models", "list"]) == 0
    assert "Apache-2.0" in capsys.readouterr().out


def test_the_command_pulls_and_adds(
    cache: Path, maker: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.mkdir(parents=True)
    shelve(cache, f"{maker}/moved")
    assert main(["models", "pull", "own", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "own", "path": str(cache / "own.onnx")}
    path = yolox_of_brightness(tmp_path / "bright.onnx")
    path.with_name(path.name + CARD_SUFFIX).write_text(write_card(card_of(path)))
    assert main(["models", "add", str(path), "--name", "yard"]) == 0
    assert "WATCHFLOOR_MODEL=yard" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.mkdir(parents=True)
    shelve(cache, "http://127.0.0.1:1/model")
    assert main(["models", "pull", "own"]) == 3  # the machine lacks a way out
    said = capsys.readouterr().err
    assert said.startswith("watchfloor: model: ")
    assert "Traceback" not in said
    assert main(["models", "pull", "nobody"]) == 1
    assert main(["models", "add", str(cache / "no.onnx")]) == 1
