"""Mutations of what holds models: pickles by instruction, protocol buffers by field, flatbuffers by word."""

import json
import pickletools
import struct
from collections.abc import Sequence
from random import Random
from typing import Any

from fuzz.mutate_bytes import BYTES, Mutation, overwrite_number
from fuzz.mutate_json import mutate_document

__all__ = ["ONNX", "PICKLE", "PTE", "SAFETENSORS"]

GADGETS = (
    b"cposix\nsystem\n(S'touch canary'\ntR",
    b'cbuiltins\nexec\n(S\'open("canary","w")\'\ntR',
    b"cbuiltins\neval\n(S'1'\ntR",
    b"csubprocess\nPopen\n(S'touch canary'\ntR",
    b"cpathlib\nPath\n(S'canary'\ntR",
    b"cbuiltins\ngetattr\n",
    b"ctorch\nload\n(S'canary'\ntR",
    b"ctorch.serialization\nload\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch._utils\n_rebuild_sparse_tensor\n",
    b"ccollections\nOrderedDict\n)R",
    b"ctorch\nTensor\n)R",
    b"cargparse\nNamespace\n)R",
    b"cnumpy._core.multiarray\nscalar\n(tR",
    b"cnumpy._core.multiarray\n_reconstruct\n(tR",
    b"cnumpy\ndtype\n(S'O8'\ntR",
    b"cnumpy\nload\n(S'canary'\ntR",
    b"}",
    b"]",
    b"N",
    b"K\xff",
    b"J\xff\xff\xff\xff",
    b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"R",
    b"b",
    b"t",
    b"u",
    b"0",
    b"2",
    b"Q",
    b".",
)
INTEGERS = (0, 1, -1, 2, 7, 255, 2**31 - 1, -(2**31), 2**40, 2**62)
OPERATORS = ("Loop", "If", "Scan", "Gather", "Reshape", "Expand", "Tile", "Range", "ConstantOfShape", "Conv", "X", "")


def changed_pickle(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Instructions removed, repeated, exchanged, and others put in: some that would run code."""
    instructions = _instructions(data)
    if len(instructions) < 2:
        return data
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, other = chance.randrange(len(instructions)), chance.randrange(len(instructions))
        choice = chance.randrange(4)
        if choice == 0:
            del instructions[at : at + chance.choice((1, 1, 3))]
        elif choice == 1:
            instructions.insert(at, instructions[other])
        elif choice == 2:
            instructions[at], instructions[other] = instructions[other], instructions[at]
        else:
            instructions.insert(at, chance.choice(GADGETS))
        if len(instructions) < 2:
            break
    return b"".join(instructions)


def _instructions(data: bytes) -> list[bytes]:
    try:
        places = [at or 0 for _, _, at in pickletools.genops(data)]
    except ValueError:
        return []
    return [data[start:end] for start, end in zip(places, [*places[1:], len(data)], strict=True)]


def changed_header(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A safetensors file whose JSON header says something else, with its right length."""
    (length,) = struct.unpack_from("<Q", data.ljust(8, b"\0"))
    try:
        document = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError, OverflowError):
        return data
    header = json.dumps(mutate_document(chance, document)).encode()
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def changed_message(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """An ONNX file with one to three fields changed, and everything else as it was."""
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return data
    for _ in range(chance.choice((1, 1, 2, 3))):
        _change_field(chance, _any_message(chance, model))
    return bytes(model.SerializeToString())


def external_data(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """An ONNX file that says that a weight lies in another file."""
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return data
    tensors = [
        *model.graph.initializer,
        *(each.t for node in model.graph.node for each in node.attribute if each.type == 4),
    ]
    if tensors:
        tensor = chance.choice(tensors)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        if chance.random() < 0.7:
            tensor.ClearField("raw_data")
        places = ("secret", "../secret", "/etc/passwd", "", "*/_ORT_MEM_ADDR_/*", "\0")
        for key, value in (("location", chance.choice(places)), ("offset", "4096"), ("length", "4")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
    return bytes(model.SerializeToString())


def _any_message(chance: Random, message: Any) -> Any:
    """One of the messages in `message`, each level as likely as the next."""
    while True:
        inner = []
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                inner += list(value) if field.is_repeated else [value]
        if not inner or chance.random() < 0.25:
            return message
        message = chance.choice(inner)


def _change_field(chance: Random, message: Any) -> None:
    fields = message.ListFields() if chance.random() < 0.8 else [(f, None) for f in message.DESCRIPTOR.fields]
    if not fields:
        return
    field = chance.choice(fields)[0]
    if field.is_repeated:
        _change_repeated(chance, message, field)
    elif field.type == field.TYPE_MESSAGE or chance.random() < 0.1:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _value(chance, field, getattr(message, field.name)))


def _change_repeated(chance: Random, message: Any, field: Any) -> None:
    values = getattr(message, field.name)
    choice = chance.randrange(4)
    if choice == 0 and len(values):
        del values[chance.randrange(len(values))]
    elif choice == 1 and len(values):
        values.extend([chance.choice(values)] * chance.choice((1, 1, 100)))
    elif field.type == field.TYPE_MESSAGE:
        if len(values) > 1:
            values[chance.randrange(len(values))].CopyFrom(chance.choice(values))
    elif len(values):
        at = chance.randrange(len(values))
        values[at] = _value(chance, field, values[at])
    else:
        values.append(_value(chance, field, field.default_value or 0))


def _value(chance: Random, field: Any, before: Any) -> Any:
    if field.type == field.TYPE_STRING:
        return chance.choice((*OPERATORS, "x" * 1000, "image", "logits"))
    if field.type == field.TYPE_BYTES:
        data = before if isinstance(before, bytes) else b""
        return chance.choice(BYTES)(chance, data, [data]) if data else chance.randbytes(8)
    if field.type in {field.TYPE_FLOAT, field.TYPE_DOUBLE}:
        return chance.choice((0.0, -1.0, float("nan"), float("inf"), 1e38))
    if field.type == field.TYPE_ENUM:
        return chance.choice(field.enum_type.values).number
    wide = field.type in {field.TYPE_INT64, field.TYPE_SINT64}
    low, high = (
        (0, 2**64 - 1) if field.type == field.TYPE_UINT64 else (-(2**63), 2**63 - 1) if wide else (-(2**31), 2**31 - 1)
    )
    near = int(before) + chance.choice((-1, 1, 8)) if isinstance(before, int) else 1
    return min(max(chance.choice((near, near, *INTEGERS)), low), high)


def changed_words(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """An ExecuTorch program with other 32-bit words where its tables and those of its delegates are."""
    changed = bytearray(data)
    regions = _tables(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        start, end = chance.choice(regions)
        if end - start < 8:
            continue
        place = chance.randrange(start, end - 4) // 4 * 4
        (before,) = struct.unpack_from("<I", changed, place)
        value = chance.choice((before + chance.choice((-8, -4, -1, 1, 4, 8)), 0, 1, 2**31, 2**32 - 1, before * 2, end))
        struct.pack_into("<I", changed, place, value % 2**32)
    return bytes(changed)


def _tables(data: bytes) -> list[tuple[int, int]]:
    """Where an ExecuTorch program's flatbuffer lies, and the beginnings of its delegates' segments."""
    header = data[8:32]
    if len(header) < 24 or header[:4] != b"eh00":
        return [(0, len(data))]
    program, segments = struct.unpack_from("<QQ", header, 8)
    program, segments = min(program, len(data)), min(segments, len(data))
    delegate = data.find(b"XH00", segments)
    places = [(0, program), (0, program), (segments, min(segments + 4096, len(data)))]
    if delegate >= 0:
        # The delegate's header: magic at 4, then its length, and offset and size of flatbuffer and constants.
        offset, size = struct.unpack_from("<II", data.ljust(delegate + 18, b"\0"), delegate + 6)
        start = delegate - 4 + offset
        places.append((min(start, len(data)), min(start + size, len(data))))
    return places


PICKLE: tuple[Mutation, ...] = (changed_pickle,) * 30 + BYTES
SAFETENSORS: tuple[Mutation, ...] = (changed_header,) * 15 + BYTES
ONNX: tuple[Mutation, ...] = (changed_message,) * 30 + (external_data,) * 2 + BYTES
PTE: tuple[Mutation, ...] = (changed_words,) * 20 + (overwrite_number,) * 5 + BYTES
