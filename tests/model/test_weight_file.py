"""Files that are damaged, hostile, or no checkpoints: each ends in one CheckpointError, and none runs code."""

import io
import json
import os
import pickle  # noqa: TID251 - makes the attacks that the reader has to refuse
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn

from levit_edge.errors import CheckpointError
from levit_edge.model.checkpoint import load
from levit_edge.model.levit import LeViT
from levit_edge.model.weight_file import read_weight_file

State = dict[str, Tensor]
EXAMPLES = settings(max_examples=50, deadline=None)


class Attack:
    """Unpickles into a shell command that makes a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.witness}'",)


def zipped(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def legacy(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def protocol_4(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, pickle_protocol=4)
    return buffer.getvalue()


def rezipped(data: bytes, change: Callable[[str, bytes], bytes | None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The archive with each record replaced by `change(name, content)`, or left out for None; checksums are right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", compression) as target:
        for record in source.infolist():
            content = change(record.filename, source.read(record))
            if content is not None:
                target.writestr(record.filename, content)
    return buffer.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "levit.pth"


@pytest.fixture(scope="session")
def good_zip(demo_levit: LeViT) -> bytes:
    return zipped({"model": demo_levit.state_dict()})


@pytest.fixture(scope="session")
def good_legacy(demo_levit: LeViT) -> bytes:
    return legacy({"model": demo_levit.state_dict()})


@pytest.fixture(scope="session")
def good_safetensors(demo_levit: LeViT) -> bytes:
    return save(demo_levit.state_dict())


@pytest.fixture(scope="session")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all the examples of a hypothesis test."""
    return tmp_path_factory.mktemp("fuzzed") / "levit.pth"


def refused(file: Path, data: bytes, message: str) -> None:
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: ")


def loads_equal_or_is_refused(file: Path, data: bytes, expected: LeViT) -> None:
    file.write_bytes(data)
    try:
        state = load(file).state_dict()
    except CheckpointError:
        return
    assert all(torch.equal(tensor, state[key]) for key, tensor in expected.state_dict().items() if "tracked" not in key)


@pytest.mark.parametrize(
    "write",
    [zipped, legacy, protocol_4, *(lambda attack, p=protocol: pickle.dumps(attack, p) for protocol in range(6))],
)
def test_a_pickle_that_runs_code(write: Callable[[object], bytes], file: Path) -> None:
    witness = file.with_name("made-by-the-attack")
    refused(file, write(Attack(witness)), r"would run code: it asks for posix\.system")
    refused(file, write({"model": {"head.l.weight": Attack(witness)}}), r"would run code: it asks for posix\.system")
    assert not witness.exists()
    torch.load(io.BytesIO(zipped(Attack(witness))), weights_only=False)
    assert witness.exists(), "the attack is no attack"


def test_a_pickled_model_is_no_state_dict(file: Path) -> None:
    refused(file, zipped(nn.Linear(2, 2)), r"would run code: it asks for torch\.nn\.modules\.linear\.Linear")


def test_missing(file: Path) -> None:
    with pytest.raises(CheckpointError, match="It does not exist"):
        load(file)


def test_neither_file_nor_folder(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(CheckpointError, match="neither a file nor a folder"):
        load(file)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "It is empty"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page, such as a failed download leaves"),
        (b"\n <html><body>Access denied", "an HTML page"),
        (b"@\0\0\0ET12eh00 \0\0\0", "an ExecuTorch program"),
        (b"\x08\x08\x12\x07pytorch", "an ONNX model"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:96703c44\n", "Git LFS pointer .* `git lfs pull`"),
        (b"class,name\n1,cat\n", "but a text file"),
        (b"x" + "é".encode() * 300, "but a text file"),
        (bytes(5000), "a file of zeros"),
        (b"\x1f\x8b\x08" + bytes(30), "a gzip archive"),
        (bytes(range(128, 256)) * 4, "an unknown kind of file"),
        (pickle.dumps({"head.l.weight": [0.0]}), "a pickle that torch.save did not write"),
        (b"PK\x05\x06" + bytes(18), "a damaged zip archive"),
    ],
)
def test_not_a_checkpoint(data: bytes, message: str, file: Path) -> None:
    refused(file, data, message)


def test_an_image(file: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "JPEG")
    refused(file, buffer.getvalue(), "It is not a checkpoint but a JPEG image; expected")


@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_truncated(good_zip: bytes, good_legacy: bytes, good_safetensors: bytes, part: float, file: Path) -> None:
    for data in (good_zip, good_legacy, good_safetensors):
        refused(file, data[: int(len(data) * part)], "damaged")


def test_a_flipped_bit_in_a_weight(good_zip: bytes, file: Path) -> None:
    data = bytearray(good_zip)
    data[len(data) // 2] ^= 1
    refused(file, bytes(data), r"the checksum of \w+/data/\d+ is wrong")


@EXAMPLES
@given(data=st.data())
def test_any_flipped_bit_is_found(good_zip: bytes, demo_levit: LeViT, fuzzed: Path, data: st.DataObject) -> None:
    damaged = bytearray(good_zip)
    # Half of the positions lie in the last 2 %, where the archive's directory is.
    first = data.draw(st.sampled_from([0, len(damaged) - len(damaged) // 50]))
    damaged[data.draw(st.integers(first, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    loads_equal_or_is_refused(fuzzed, bytes(damaged), demo_levit)


@EXAMPLES
@given(part=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_found(good_zip: bytes, demo_levit: LeViT, fuzzed: Path, part: float) -> None:
    loads_equal_or_is_refused(fuzzed, good_zip[: int(len(good_zip) * part)], demo_levit)


@EXAMPLES
@given(data=st.data())
def test_damage_without_checksums_ends_in_no_other_error(
    good_safetensors: bytes, good_legacy: bytes, fuzzed: Path, data: st.DataObject
) -> None:
    damaged = bytearray(data.draw(st.sampled_from([good_safetensors, good_legacy])))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 20_000))] = data.draw(st.integers(0, 255))
    fuzzed.write_bytes(damaged)
    try:
        model = load(fuzzed)
    except CheckpointError:
        return
    assert all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values())


def test_compressed_records(good_zip: bytes, file: Path) -> None:
    refused(file, rezipped(good_zip, lambda _, content: content, zipfile.ZIP_DEFLATED), "compressed zip archive")


def test_an_archive_that_unfolds(good_zip: bytes, file: Path) -> None:
    data = bytearray(good_zip)
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 0xFFFFFFF0)  # the last record's unpacked size
    refused(file, bytes(data), "unfolds to more than 4 GiB")


def test_another_archive(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    refused(file, file.read_bytes(), r"a zip archive \(word/document\.xml\), not a state dict written by torch.save")


def test_torchscript(file: Path) -> None:
    buffer = io.BytesIO(zipped({"w": torch.zeros(2)}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("archive/constants.pkl", b")\x81.")
    refused(
        file,
        buffer.getvalue(),
        r"TorchScript model \(torch\.jit\.save\), not a state dict.*torch\.save\(torch\.jit\.load\(\"FILE\"\)\.",
    )


def test_a_missing_record(good_zip: bytes, file: Path) -> None:
    refused(file, rezipped(good_zip, lambda name, c: None if name.endswith("/data/0") else c), "cannot read it")


def test_a_tensor_beyond_its_record(file: Path) -> None:
    """Would read other memory if the stated length were believed."""
    good = zipped({"head.l.weight": torch.zeros(1000)})
    stated, forged = b"M\xe8\x03", b"J" + struct.pack("<i", 100_000_000)
    data = rezipped(good, lambda _, content: content.replace(stated, forged))
    refused(file, data, "torch.load cannot read it")


def test_tensors_of_absurd_size(file: Path) -> None:
    """Strides of zero make a terabyte of four bytes."""
    refused(
        file, zipped({"head.l.weight": torch.zeros(1).expand(10**6, 10**6)}), "Its tensors have 4000000000000 bytes"
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.qint8),
        lambda: torch.empty(3, device="meta"),
        lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    ],
    ids=["sparse", "quantized", "meta", "nested"],
)
def test_tensors_that_are_not_plain(make: Callable[[], Tensor], file: Path) -> None:
    refused(
        file, zipped({"head.l.weight": make()}), r"sparse, quantized, nested or empty-shell tensors: head\.l\.weight"
    )


@pytest.mark.parametrize("depth", [10, 300_000])
def test_deeply_nested_lists(good_zip: bytes, depth: int, file: Path) -> None:
    nested = b"\x80\x02" + b"]" * depth + b"."
    data = rezipped(good_zip, lambda name, content: nested if name.endswith("data.pkl") else content)
    refused(file, data, "holds a list, not a state dict")


def test_a_state_dict_inside_itself(good_zip: bytes, file: Path) -> None:
    loop = b"\x80\x02}q\x00X\x05\x00\x00\x00modelq\x01h\x00s."
    data = rezipped(good_zip, lambda name, content: loop if name.endswith("data.pkl") else content)
    refused(file, data, "holds no state dict.*but model")


def test_another_pickle_protocol(file: Path) -> None:
    refused(
        file,
        protocol_4({"model": {"head.l.weight": torch.zeros(1)}}),
        "pickle_protocol=4.*without pickle_protocol",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(1)], "holds a list, not a state dict"),
        ({}, "holds no state dict.*but nothing"),
        ({"optimizer": {}, "epoch": 3}, "holds no state dict.*but optimizer, epoch"),
        ({"model": {"head.l.weight": torch.zeros(1), "epoch": 3}}, "more than named tensors: epoch"),
        ({"model": {0: torch.zeros(1)}}, "more than named tensors: 0"),
    ],
)
def test_other_content(content: object, message: str, file: Path) -> None:
    refused(file, zipped(content), message)


def with_header(header: object, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (struct.pack("<Q", 3 << 30) + b'{"a":', "damaged or truncated safetensors"),
        (struct.pack("<Q", 6) + b"{what}", "damaged or truncated safetensors"),
        (with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}), "damaged or truncated"),
        (with_header({"a": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 8]}}, bytes(8)), "damaged"),
        (with_header({"a": {"dtype": "X9", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)), "damaged"),
        (with_header({}), "holds no tensors"),
    ],
)
def test_hostile_safetensors(data: bytes, message: str, file: Path) -> None:
    refused(file, data, message)


def test_what_is_read(file: Path) -> None:
    file.write_bytes(save({"w": torch.ones(2)}, {"labels": "[]"}))
    read = read_weight_file(file)
    assert (list(read.entries[""]), read.metadata) == (["w"], {"labels": "[]"})


def test_what_torch_itself_writes_otherwise(file: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)
    refused(file, file.read_bytes(), r"TorchScript model \(torch\.jit\.save\)")
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.zeros(1, 2),)), file)
    refused(file, file.read_bytes(), r"exported program \(torch\.export\.save\).*torch\.export\.load\(\"FILE\"\)")


def test_what_is_to_be_done_with_what_is_no_state_dict_works(file: Path, tmp_path: Path) -> None:
    """The Python of the messages, with the file in its place: what it saves is read."""
    network = nn.Linear(2, 2)
    torch.jit.save(torch.jit.script(network), tmp_path / "script.pt")
    torch.export.save(torch.export.export(network, (torch.zeros(1, 2),)), tmp_path / "program.pt2")
    np.savez(tmp_path / "arrays.npz", **{name: each.detach().numpy() for name, each in network.state_dict().items()})
    for name in ("script.pt", "program.pt2", "arrays.npz"):
        with pytest.raises(CheckpointError) as failure:
            read_weight_file(tmp_path / name)
        advice = re.search(r'torch\.save\((.*), "levit\.pth"\)', str(failure.value))
        assert advice is not None
        weights = eval(advice[1].replace("FILE", str(tmp_path / name)), {"torch": torch, "numpy": np})  # noqa: S307
        torch.save(weights, file)
        assert sorted(read_weight_file(file).entries[""]) == ["bias", "weight"]


def test_arrays_of_numpy_are_named(file: Path) -> None:
    np.savez(file.with_suffix(".npz"), stem=np.zeros(1), head=np.zeros(1))
    refused(file, file.with_suffix(".npz").read_bytes(), r"numpy's \.npz of 2 arrays \(stem, head\)")
    np.save(file.with_suffix(".npy"), np.zeros(1))
    refused(file, file.with_suffix(".npy").read_bytes(), r"one array of numpy \(\.npy\)")


def test_another_pickle_protocol_of_an_old_file(file: Path) -> None:
    torch.save({"w": torch.zeros(1)}, file, pickle_protocol=4, _use_new_zipfile_serialization=False)
    refused(file, file.read_bytes(), "pickle_protocol=4")
