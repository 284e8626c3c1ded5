"""Cards, and which card belongs to a file."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from agents.detect.boxes import Detections
from agents.detect.cards import (
    CARD_SUFFIX,
    Colour,
    ElementType,
    InputSpec,
    ModelCard,
    Resize,
    class_names,
    read_card,
    write_card,
)
from agents.detect.errors import ModelError
from agents.detect.heads.yolox import YoloxHead
from agents.detect.models import Origin, catalogue_cards, open_model
from agents.detect.session import OnnxDetector, file_sha256, open_graph, providers
from tests.unit.agents.detect.graphs import constant_model, yolox_of_brightness


def zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def card_of(path: Path, **other: object) -> ModelCard:
    card = ModelCard(
        name="bright",
        file=path.name,
        sha256=file_sha256(path),
        licence="none",
        input=InputSpec(
            name="images",
            width=64,
            height=64,
            colour=Colour.BGR,
            divide=1.0,
            resize=Resize.LETTERBOX_TOP_LEFT,
        ),
        head=YoloxHead(),
        classes=("light",),
    )
    return replace(card, **other)


def test_the_catalogue_is_valid_and_complete() -> None:
    cards = catalogue_cards()
    assert [card.name for card in cards] == ["fastestdet", "yolox-nano"]
    for card in cards:
        assert len(class_names(card)) == 80
        assert class_names(card)[0] == "person"
        assert card.licence
        assert card.source.startswith("https://")


def test_a_card_survives_being_written(tmp_path: Path) -> None:
    path = tmp_path / "x.card.yaml"
    for card in catalogue_cards():
        path.write_text(write_card(card))
        assert read_card(path) == card


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("name: Yolo", "name"),  # capitals
        ("sha256: abc", "sha256"),
        ("colour: green", "colour"),
        ("kind: yolo99", "kind"),
        ("shape: [1, 2]", "shape"),  # unknown field
        ("width: 8", "width"),
        ("divide: 0", "divide"),
        ("classes: nobody", "no list of class names"),
        ("source: file:///etc/passwd", "source"),
        ("element: uint8", "uint8"),  # with divide 255
    ],
)
def test_a_card_that_is_wrong_says_where(tmp_path: Path, change: str, says: str) -> None:
    field = change.partition(":")[0]
    fastestdet, yolox = catalogue_cards()
    text = write_card(fastestdet if field == "element" else yolox)
    lines = [line for line in text.splitlines() if line.strip().partition(":")[0] != field]
    if field in ("colour", "width", "divide", "element"):
        lines.insert(lines.index("input:") + 1, f"  {change}")
    elif field == "kind":
        lines.insert(lines.index("head:") + 1, f"  {change}")
    else:
        lines.append(change)
    path = tmp_path / "x.card.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(ModelError, match=says):
        read_card(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[1, 2", "is no YAML"),
        (b"\xff\xfe\x00", "is no YAML"),
        (b"- 1", "no valid model card"),
        (b"a" * 300_000, "too large"),
        (b"!!python/object/apply:os.system ['true']", "is no YAML"),
    ],
)
def test_what_is_no_card(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "x.card.yaml"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=says):
        read_card(path)


def test_a_model_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ModelError, match="is not there"):
        open_model(path)
    path.write_bytes(b"not a model at all")
    with pytest.raises(ModelError, match="no model that ONNX Runtime can load") as caught:
        open_model(path)
    assert caught.value.way_out
    with pytest.raises(ModelError, match="cannot be read"):
        open_model(tmp_path)


def test_the_card_beside_a_file_is_used(tmp_path: Path) -> None:
    path = yolox_of_brightness(tmp_path / "own.onnx")
    (tmp_path / f"own.onnx{CARD_SUFFIX}").write_text(write_card(card_of(path)))
    opened = open_model(path)
    assert opened.origin is Origin.BESIDE
    assert opened.detector.name == "bright"
    assert opened.detector.classes == ("light",)
    assert not opened.note


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "0" * 64}, "sha256"),
        ({"classes": ("a", "b")}, "does not fit the card"),
        ({"input": {"name": "picture"}}, "'images'; expected 'picture'"),
        ({"input": {"width": 128}}, r"\[\?, 3, 64, 64\]; expected \[\?, 3, 64, 128\]"),
        ({"input": {"element": ElementType.UINT8}}, r"tensor\(float\); expected tensor\(uint8\)"),
    ],
)
def test_a_card_that_does_not_fit(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = yolox_of_brightness(tmp_path / "own.onnx")
    card = card_of(path)
    inner = change.get("input")
    if isinstance(inner, dict):
        change = {"input": replace(card.input, **inner)}
    with pytest.raises(ModelError, match=says):
        OnnxDetector(open_graph(path), replace(card, **change))


def test_a_catalogue_name_with_another_sha256_is_refused(tmp_path: Path) -> None:
    path = yolox_of_brightness(tmp_path / "yolox_nano.onnx")
    with pytest.raises(ModelError, match="as the catalogue says of 'yolox-nano'") as caught:
        open_model(path)
    assert "models pull yolox-nano" in caught.value.way_out


@pytest.mark.parametrize(
    ("outputs", "shape", "kind", "resize"),
    [
        ({"o": zeros(1, 126, 85)}, (1, 3, 64, 96), "yolox", Resize.LETTERBOX_TOP_LEFT),
        ({"o": zeros(1, 378, 85)}, (1, 3, 64, 96), "yolov5", Resize.LETTERBOX_CENTRE),
        ({"o": zeros(1, 84, 126)}, (1, 3, 64, 96), "yolov8", Resize.LETTERBOX_CENTRE),
        ({"o": zeros(1, 85, 4, 6)}, (1, 3, 64, 96), "fastestdet", Resize.PLAIN),
        (
            {"logits": zeros(1, 300, 80), "boxes": zeros(1, 300, 4)},
            (1, 3, 64, 96),
            "rtdetr",
            Resize.PLAIN,
        ),
    ],
)
def test_a_guess_from_shapes_says_so(
    tmp_path: Path,
    outputs: dict[str, NDArray[np.float32]],
    shape: tuple[int, ...],
    kind: str,
    resize: Resize,
) -> None:
    opened = open_model(constant_model(tmp_path / "some.onnx", outputs, shape))
    assert opened.origin is Origin.GUESSED
    assert "by its shapes" in opened.note
    card = opened.detector.card
    assert msgspec.to_builtins(card.head)["kind"] == kind
    assert card.input.resize is resize
    assert (card.input.width, card.input.height) == (96, 64)
    assert len(opened.detector.infer(np.zeros((48, 48, 3), np.uint8))) == 0


def test_class_names_come_from_the_exporters_metadata(tmp_path: Path) -> None:
    path = constant_model(
        tmp_path / "own.onnx", {"o": zeros(1, 6, 126)}, names="{0: 'crane', 1: 'hook'}"
    )
    assert open_model(path).detector.classes == ("crane", "hook")


@pytest.mark.parametrize(
    ("outputs", "names", "says"),
    [
        ({"o": zeros(1, 6, 126)}, None, "class names nobody told"),
        ({"o": zeros(1, 6, 126)}, "__import__('os').getcwd()", "class names nobody told"),
        ({"o": zeros(1, 6, 126)}, "{0: 'crane'}", "class names nobody told"),
        ({"o": zeros(1, 5)}, None, "unfamiliar"),
        ({"a": zeros(1, 5), "b": zeros(1, 5), "c": zeros(2)}, None, "unfamiliar"),
        (
            {
                "detection_boxes": zeros(1, 9, 4),
                "detection_scores": zeros(1, 9),
                "detection_classes": zeros(1, 9),
            },
            None,
            "class names nobody told",
        ),
    ],
)
def test_what_nobody_can_guess_is_refused(
    tmp_path: Path, outputs: dict[str, NDArray[np.float32]], names: str | None, says: str
) -> None:
    path = constant_model(tmp_path / "own.onnx", outputs, names=names)
    with pytest.raises(ModelError, match=says) as caught:
        open_model(path)
    assert "own.onnx.card.yaml" in caught.value.way_out


def bright(tmp_path: Path) -> OnnxDetector:
    path = yolox_of_brightness(tmp_path / "own.onnx")
    return OnnxDetector(open_graph(path), card_of(path))


def flat(level: int) -> NDArray[np.uint8]:
    return np.full((64, 64, 3), level, np.uint8)


def test_inference_depends_on_the_picture(tmp_path: Path) -> None:
    detector = bright(tmp_path)
    found = detector.infer(flat(204))
    assert found.scores.tolist() == pytest.approx([0.8], abs=1e-4)
    # Cell 0 of stride 8: centre (2 * 8, 2 * 8), size (2 * 8, 3 * 8), of 64 pixels.
    assert np.allclose(found.boxes, [[8 / 64, 4 / 64, 24 / 64, 28 / 64]], atol=1e-5)
    assert len(detector.infer(flat(10))) == 0


def test_a_batch_is_the_same_as_one_by_one(tmp_path: Path) -> None:
    detector = bright(tmp_path)
    assert detector.batches
    pictures = [flat(204), flat(10), flat(127)]
    for together, alone in zip(
        detector.infer_batch(pictures), map(detector.infer, pictures), strict=True
    ):
        assert np.allclose(together.boxes, alone.boxes)
        assert np.allclose(together.scores, alone.scores, atol=1e-6)


def test_a_graph_of_one_is_called_for_each(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "one.onnx", {"o": zeros(1, 126, 85)})
    detector = open_model(path).detector
    assert not detector.batches
    assert [len(found) for found in detector.infer_batch([flat(1), flat(2)])] == [0, 0]


def test_threads_do_not_share_a_picture(tmp_path: Path) -> None:
    detector = bright(tmp_path)
    wrong: list[Detections] = []

    def work(level: int) -> None:
        for _ in range(40):
            found = detector.infer(flat(level))
            if len(found) != 1 or abs(float(found.scores[0]) - level / 255) > 1e-3:
                wrong.append(found)

    threads = [Thread(target=work, args=(level,)) for level in (60, 120, 180, 240)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_cpu_is_always_there_and_comes_last() -> None:
    assert providers()[-1] == "CPUExecutionProvider"
