"""The figure of a sensitivity: the same bytes every time, and whole or not there at all."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.errors import OutputError
from levit_edge.quantize.analysis.sensitivity import Sensitivity
from levit_edge.quantize.analysis.sensitivity_plot import sensitivity_plot
from tests.quantize.analysis.sensitivity_example import example, row


def layers(count: int, *, timed: bool = True) -> Sensitivity:
    rows = [row(f"blocks.{index // 4}.q{index % 4}", 40.0 + index, 50.0 + index, timed=timed) for index in range(count)]
    return example(*rows)


def test_an_svg_is_the_same_every_time_and_has_no_date() -> None:
    picture = sensitivity_plot(layers(6)).file("svg")
    assert picture == sensitivity_plot(layers(6)).file("svg")
    assert picture.startswith(b"<?xml")
    assert b"dc:date" not in picture
    assert picture != sensitivity_plot(layers(7)).file("svg")


def test_a_png_has_room_for_every_layer() -> None:
    heights = []
    for count in (5, 65):
        with Image.open(BytesIO(sensitivity_plot(layers(count)).file("png"))) as image:
            assert image.format == "PNG"
            heights.append(image.height)
    assert heights[1] - heights[0] >= 60 * 20


@pytest.mark.parametrize(
    "measured",
    [
        layers(3, timed=False),
        example(row("head", None)),
        example(row("head", 40.0, 50.0, LayerScheme.FLOAT), row("blocks.2.q", None)),
        example(row("head", 40.0, labelled=False)),
    ],
    ids=["no times", "no noise", "float", "no labels"],
)
def test_whatever_was_measured_can_be_drawn(measured: Sensitivity) -> None:
    assert sensitivity_plot(measured).file("svg")


def test_it_is_written_by_its_suffix(tmp_path: Path) -> None:
    for name, beginning in (("a.PNG", b"\x89PNG"), ("b.svg", b"<?xml")):
        sensitivity_plot(layers(2)).write(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(beginning)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.PNG", "b.svg"]


def test_a_plot_that_fails_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"older")

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"a\.png cannot be written: No space left on device"):
        sensitivity_plot(layers(2)).write(tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"older"
