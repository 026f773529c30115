import io
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from levit_edge.data.locations import Location, Span, photograph_at
from levit_edge.data.photographs import find_photographs, listed_names
from levit_edge.device.photographs import Given
from levit_edge.errors import DataError


class Pipe(io.BytesIO):
    def isatty(self) -> bool:
        return False


@pytest.fixture
def place(tmp_path: Path, photographs: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photographs at several depths, with what systems and people leave between them."""
    names = ("b.png", "trip/c.png", "trip/day 2/a.png", "a.png", "__MACOSX/trip/d.png", ".hidden/e.png", "trip/._c.png")
    for name, image in zip(names, photographs, strict=False):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, tmp_path / "photos" / name)
    (tmp_path / "photos" / "trip" / "notes.txt").touch()
    (tmp_path / "photos" / "IMG_1.HEIC").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(images: Sequence[Location]) -> list[str]:
    return [str(image) for image in images]


def test_a_folder_is_all_images_in_it_in_the_order_of_evaluation_and_none_of_a_system(place: Path) -> None:
    found = find_photographs(["photos"])
    assert named(found.images) == ["photos/a.png", "photos/b.png", "photos/trip/c.png", "photos/trip/day 2/a.png"]
    assert found.passed_over == {"photos": {"HEIC": 1, "no image": 1}}
    shutil.rmtree("photos/__MACOSX")
    for loose in ("a.png", "b.png"):
        (place / "photos" / loose).unlink()
    from levit_edge.data.sources.open import find_at

    assert find_photographs(["photos"]).images == find_at(Path("photos")).images


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("photos/*.png", ["a.png", "b.png"]),
        ("photos/**/*.png", ["a.png", "b.png", "trip/c.png", "trip/day 2/a.png"]),
        ("photos/t*", ["trip/c.png", "trip/day 2/a.png"]),
        ("photos/**", ["a.png", "b.png", "trip/c.png", "trip/day 2/a.png"]),
        ("photos/**/*", ["a.png", "b.png", "trip/c.png", "trip/day 2/a.png"]),
        ("**/day 2", ["trip/day 2/a.png"]),
        ("p*/.hidden/*.png", [".hidden/e.png"]),
    ],
)
@pytest.mark.usefixtures("place")
def test_a_quoted_pattern_is_the_images_that_match_but_for_a_systems(pattern: str, expected: list[str]) -> None:
    assert named(find_photographs([pattern]).images) == [f"photos/{name}" for name in expected]


def test_a_pattern_does_not_go_in_circles(place: Path) -> None:
    for name in ("one", "other"):
        (place / "photos" / "trip" / name).symlink_to("..", target_is_directory=True)
    assert len(find_photographs(["photos/**/*.png"]).images) == 4
    with pytest.raises(DataError, match="is no pattern"):
        find_photographs(["photos/**.png"])


def test_a_file_that_is_called_like_a_pattern_is_that_file(place: Path) -> None:
    shutil.copy("photos/a.png", place / "a[1].png")
    assert named(find_photographs(["a[1].png"]).images) == ["a[1].png"]


@pytest.mark.usefixtures("place")
def test_words_keep_their_order_and_a_tar_file_is_its_images() -> None:
    with tarfile.open("some.tar", "w") as archive:
        archive.add("photos/b.png", "x/b.png")
    found = find_photographs(["photos/b.png", "some.tar", "photos/a.png"]).images
    assert named(found) == ["photos/b.png", "some.tar: x/b.png", "photos/a.png"]
    assert isinstance(found[1], Span)


@pytest.mark.usefixtures("place")
def test_standard_input_is_the_bytes_of_one() -> None:
    content = Path("photos/a.png").read_bytes()
    (image,) = find_photographs(["-"], stdin=Pipe(content)).images
    assert image == Given(content, "standard input")
    assert photograph_at(image).pixels.size == (48, 40)
    with pytest.raises(DataError, match="a word of the command line is empty"):  # not the folder where one is
        find_photographs([""])
    with pytest.raises(DataError, match="given twice"):
        find_photographs(["-", "-"], stdin=Pipe(content))


@pytest.mark.usefixtures("place")
def test_what_stands_for_nothing_is_named_in_order_before_any_work() -> None:
    Path("empty.png").touch()
    with pytest.raises(DataError) as told:
        find_photographs(["no.jpg", "empty.png", "photos/a.png", "empty", "photos/*.tif"])
    assert str(told.value).splitlines() == [
        "4 of 5 photographs cannot be read:",
        "  no.jpg does not exist; expected a photograph.",
        "  empty.png: an empty file",
        "  empty: no photographs in it",
        "  photos/*.tif does not exist, and as a pattern it matches no photograph.",
    ]
    assert named(find_photographs(["no.jpg", "empty.png"], skip=True).images) == ["no.jpg", "empty.png"]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a.png\r\n\nb c.png\n", ["a.png", "b c.png"]),
        (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
        (b"\xef\xbb\xbfa.png", ["a.png"]),
        (b"\xff.png\n", ["\udcff.png"]),
        (b"a\xef\xbb\xbf.png\n", ["a\ufeff.png"]),
    ],
)
def test_a_list_has_a_name_on_each_line_or_ended_by_a_null(tmp_path: Path, content: bytes, names: list[str]) -> None:
    (tmp_path / "list").write_bytes(content)
    assert listed_names(tmp_path / "list") == listed_names(Path("-"), Pipe(content)) == names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "there are no names in it"),
        ("a.png\n".encode("utf-16"), "UTF-16, as some programs of Windows write it; save it as UTF-8"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG, expected a list of photographs"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(DataError, match=why):
        listed_names(tmp_path / "list")
    with pytest.raises(DataError, match=r"none does not exist; expected a list"):
        listed_names(tmp_path / "none")
