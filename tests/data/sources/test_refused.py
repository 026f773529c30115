"""What is no source of images, and what hostile archives hold: one message each, and nothing is written."""

import io
import tarfile
from pathlib import Path

import pytest

from levit_edge.data.sources.open import open_source
from levit_edge.errors import DataError
from tests.data.sources.made_up import jpeg, tar_bytes, write_files, write_tar
from tests.data.sources.test_open import parquet


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    """The header of a member, whatever follows it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info.tobuf(tarfile.GNU_FORMAT)


IMAGE = tar_bytes({"1.jpg": jpeg(1)})
BODY = IMAGE[: 512 + (len(jpeg(1)) + 511) // 512 * 512]
END = b"\0" * 1024


def refused(path: Path, message: str) -> None:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(DataError, match=message):
        open_source(path)
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a folder of images, a tar file, or parquet files; it is neither"),
        (b"PK\3\4" + b"\0" * 600, "a zip file: unpack it"),
        (b"\x1f\x8b\x08" + b"\0" * 600, r"compressed \(gzip\)"),
        (b"BZh91AY&SY", r"compressed \(bzip2\)"),
        (b"\xfd7zXZ\0", r"compressed \(xz\)"),
        (b"PAR1" + b"\0" * 600, "not a parquet file that can be read"),
        (BODY, "truncated: it ends without the end-of-archive block"),
        (BODY[:700], "unexpected end of data|truncated"),
        (BODY + b"x" * 512 + END, "damaged: bad checksum|damaged: "),
        (BODY + END + BODY, "data behind the end of the archive"),
        (BODY + member("2.jpg", size=2**40) + END, "unexpected end of data|truncated"),
        (BODY + member("2.jpg", size=-1024) + END, "damaged: "),
        (BODY + BODY + END, "damaged: there are two files 1.jpg"),
        (member("a.txt") + END, "no images in it"),
        (BODY + member("n01440764.tar") + END, "images beside the tar files of classes: 1.jpg"),
        (member("n01440764.tar", size=5) + b"x" * 512 + END, "n01440764.tar: "),
    ],
)
def test_files_that_are_no_sound_archives(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images.tar"
    path.write_bytes(content)
    refused(path, message)


def test_a_size_of_pax_headers_that_goes_backwards(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("2.jpg")
        info.pax_headers = {"size": "-2048"}
        archive.addfile(info)
    (tmp_path / "images.tar").write_bytes(BODY + buffer.getvalue())
    refused(tmp_path / "images.tar", "damaged: ")


def test_links_and_devices_are_passed_over_with_a_count(tmp_path: Path) -> None:
    others = [
        member("2.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        member("3.jpg", tarfile.LNKTYPE, "1.jpg"),
        member("4.jpg", tarfile.CHRTYPE),
        member("5.jpg", tarfile.FIFOTYPE),
        member("notes.txt", tarfile.SYMTYPE, "/etc/passwd"),
        member(".hidden.jpg"),
    ]
    (tmp_path / "images.tar").write_bytes(BODY + b"".join(others) + END)
    found = open_source(tmp_path / "images.tar")
    assert found.names == ("1.jpg",)
    assert found.passed_over == {"link or device": 5}


def test_paths_that_lead_out_are_only_names(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = write_tar(tmp_path / "in" / "images.tar", {"../../a/1.jpg": jpeg(1), "/etc/b/2.jpg": jpeg(2)})
    before = sorted(tmp_path.rglob("*"))
    assert len(open_source(path)) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_of_archives_that_are_not_one_set(tmp_path: Path) -> None:
    write_files(tmp_path / "imagenet", {"ILSVRC2012_img_val.tar": IMAGE, "ILSVRC2012_img_train.tar": IMAGE})
    refused(tmp_path / "imagenet", r"2 tar files \(ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar\): give one")
    (tmp_path / "hub").mkdir()
    for split in ("train", "validation"):
        parquet(tmp_path / "hub" / f"{split}-00000-of-00001-0123456789abcdef.parquet", names=None)
    refused(tmp_path / "hub", r"it holds train and validation: give one, such as '.*/hub/train\*.parquet'")
    for place, other in enumerate(("test", "testing", "val", "valid", "validation")):
        (tmp_path / f"plain{place}").mkdir()
        for split in ("train", other):
            parquet(tmp_path / f"plain{place}" / f"{split}.parquet", names=None)
        refused(
            tmp_path / f"plain{place}", rf"it holds .*{other}\b.*: give one, such as '.*/plain{place}/t\w+\*.parquet'"
        )
    both = {"set/train/a/1.jpg": jpeg(1), "set/val/a/1.jpg": jpeg(2)}
    refused(write_tar(tmp_path / "both.tar", both), "it holds train and val, which are parts of a set, not classes")


FLAT, CAT, DOG = {"1.jpg": jpeg(1)}, {"cat/1.jpg": jpeg(1)}, {"dog/2.jpg": jpeg(2)}
SAMPLE = {"1.jpg": jpeg(1), "1.cls": b"0"}


@pytest.mark.parametrize(
    ("tars", "message"),
    [
        ({"val-0": FLAT, "val-1": FLAT}, r"2 tar files \(val-0.tar, val-1.tar\): give one of them; or all, if"),
        ({"cat": FLAT, "dog": {"readme.txt": b"x"}}, r"2 tar files .* or unpack each into a folder of its name"),
        ({"a-train": CAT, "a-val": DOG}, r"2 tar files \(a-train.tar, a-val.tar\): give one of them"),
        ({"a": SAMPLE, "b": SAMPLE}, r"2 tar files .* if they are shards of one set: '.*/x/\*.tar'"),
        ({"a": CAT | DOG, "b": {"cat/9.jpg": jpeg(9)}}, r"2 tar files \(a.tar, b.tar\): give one of them"),
        (
            {"part1": CAT | DOG, "part2": CAT},
            r"part1.tar and part2.tar both hold cat/1.jpg: they are two sets, or one twice",
        ),
        ({"00": {"00/1.jpg": jpeg(1)}, "01": {"01/1.jpg": jpeg(2)}}, r"a folder of its own \(00, 01\), and whether"),
        ({"a": {"a/cat/1.jpg": jpeg(1)}, "b": {"b/cat/2.jpg": jpeg(1)}}, r"a folder of its own \(a, b\), and whether"),
        ({"a": CAT, "b": FLAT}, "there are images beside the class folders: 1.jpg"),
        ({"n01440764": FLAT, "more": FLAT}, "beside tar files of classes there are others: more.tar. Move them away"),
        ({"n01440764": {"n01443537/1.jpg": jpeg(1)}}, "n01443537/1.jpg is in a folder of another class"),
        ({"train": {"n01440764.tar": IMAGE}, "t3": {"n01440764.tar": IMAGE}}, "there are several n01440764.tar"),
        ({"train": {"n01440764.tar": IMAGE}, "more": FLAT}, "images beside the tar files of classes: 1.jpg"),
    ],
)
def test_tar_files_of_which_it_cannot_be_told_what_they_are(
    tmp_path: Path, tars: dict[str, dict[str, bytes]], message: str
) -> None:
    folder = write_files(tmp_path / "x", {f"{name}.tar": tar_bytes(files) for name, files in tars.items()})
    refused(folder, message)


def test_what_does_not_exist(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "absent does not exist; expected a folder of images")
    write_tar(tmp_path / "v-0.tar", {"1.jpg": jpeg(1)})
    refused(tmp_path / "v-{0..1}.tar", "v-1.tar does not exist")
    refused(tmp_path / "v-{0..999999999}.tar", "expected a range of at most 100,000")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"1.jpg": b"x", "1.cls": b"x"}, r"1: its .cls holds b'x', expected the number of a class"),
        ({"1.jpg": b"x", "1.json": b'{"label": -1}'}, r"its .json has the label '-1'"),
        ({"1.jpg": b"x", "1.json": b"{"}, "is not JSON"),
        ({"1.jpg": b"x", "1.cls": b"1", "2.jpg": b"x"}, "2.jpg: no label, but others have one"),
        ({"1.jpg": b"x", "1.cls": b"1", "2.jpg": b"x", "2.json": b"{}"}, "2.jpg: no label, but others have one"),
        ({"1.jpg": b"x", "1.png": b"x", "1.cls": b"1"}, "several images, expected one for each sample"),
        ({"1.jpg": b"x", "1.cls": b"1" * 2**21}, "2,097,152 bytes, expected a label"),
    ],
)
def test_samples_without_sound_labels(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    refused(write_tar(tmp_path / "shard.tar", files), message)


def test_parquet_files_that_do_not_fit(tmp_path: Path) -> None:
    unlabelled = parquet(tmp_path / "a.parquet", names=None, labelled=False)
    assert open_source(unlabelled).labels is None
    refused(parquet(tmp_path / "b.parquet", names=("tench", "goldfish")), r"its label is 65, but there are 2 classes")
    parquet(tmp_path / "c-0.parquet", names=None)
    parquet(tmp_path / "c-1.parquet", names=None, labelled=False)
    refused(tmp_path / "c-*.parquet", "c-1.parquet: its columns or classes are not those of .*c-0.parquet")
    from pyarrow import parquet as files
    from pyarrow import table

    files.write_table(table({"text": ["a"], "label": [1]}), tmp_path / "d.parquet")
    refused(tmp_path / "d.parquet", "no column image or .*, only text, label")
    files.write_table(table({"image": ["a"], "label": [1]}), tmp_path / "e.parquet")
    refused(tmp_path / "e.parquet", "the column image has string, expected the bytes of images")
    files.write_table(table({"image": [b"a", b"b"], "label": [1, None]}), tmp_path / "f.parquet")
    refused(tmp_path / "f.parquet", "its label is 'None', expected a number or a name")
    files.write_table(table({"image": [b"a", b"b"], "label": [1, -2]}), tmp_path / "g.parquet")
    refused(tmp_path / "g.parquet", "its label is '-2', expected a whole number from 0")
    files.write_table(table({"image": [b"a", b"b"], "label": [1, 2**40]}), tmp_path / "i.parquet")
    refused(tmp_path / "i.parquet", "its label is '1099511627776', expected a whole number from 0")
    whole = unlabelled.read_bytes()
    for length in (4, len(whole) // 2, len(whole) - 1):
        (tmp_path / "h.parquet").write_bytes(whole[:length])
        refused(tmp_path / "h.parquet", "h.parquet: ")


def test_parquet_without_pyarrow_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "a.parquet", names=None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    refused(path, "parquet files are read with pyarrow: pip install pyarrow")
