"""What comes from boards and phones: their answers, what is saved of them, and fleets."""

import json
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from fuzz.board_answers import bench_stream, evaluation_stream, hello
from fuzz.bundle_readers import BundleFolder
from fuzz.mutate_bytes import BYTES, Mutation
from fuzz.mutate_json import JSON
from fuzz.mutate_toml import changed_line
from fuzz.reader import Reader, written
from levit_edge import demo
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.options import ImageOptions
from levit_edge.documents import parse_json, to_json
from levit_edge.errors import LevitEdgeError, QuantizationError

__all__ = ["BOARD_READERS"]


def measurement(_bundle: Path) -> Reader:
    from fuzz.board_answers import measured
    from levit_edge.benchmark.comparison import comparison_rows
    from levit_edge.benchmark.files import load_measurements, shareable
    from levit_edge.report.boards_page import boards_page

    def read(data: bytes, folder: Path) -> None:
        (found,) = load_measurements([written(folder, "m.json", data)])
        shareable(found)
        boards_page([found], comparison_rows([found]))

    return Reader(
        name="measurement", seeds=[json.dumps(to_json(each)).encode() for each in measured()], mutations=JSON, read=read
    )


class _Recorded:
    """The way to a board that says what is in a file, whatever it is asked."""

    name = "board"
    emulator: str | None = None

    def __init__(self, stream: Path) -> None:
        self._stream = stream

    def command(self, _boot: Sequence[str]) -> list[str]:
        return ["cat", str(self._stream)]

    def explain(self, status: int, stderr: str) -> str:
        return f"{status} {stderr}"


def _frames(data: bytes) -> tuple[bytes, list[bytes]] | None:
    from levit_edge.device.protocol import GREETING

    if not data.startswith(GREETING):
        return None
    found, at = [], len(GREETING)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        found.append(data[at + 8 : at + 8 + min(length, len(data))])
        at += 8 + length
    return GREETING, found


def _changed_frame(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """One answer changed, left out, said twice or in another place; its length is right."""
    parsed = _frames(data)
    if parsed is None or not parsed[1]:
        return data
    greeting, frames = parsed
    at = chance.randrange(len(frames))
    choice = chance.random()
    if choice < 0.8:
        frames[at] = chance.choice(JSON)(chance, frames[at], frames)
    elif choice < 0.87:
        del frames[at]
    elif choice < 0.94:
        frames.insert(chance.randrange(len(frames)), frames[at])
    else:
        frames.insert(
            at, chance.choice((b'{"progress": "x"}', b'{"alive": true}', b'{"error": {"kind": "disk"}}', b"", b"{}"))
        )
    return greeting + b"".join(struct.pack("<Q", len(each)) + each for each in frames)


STREAM: tuple[Mutation, ...] = (*[_changed_frame] * 30, *BYTES)


def board_bench(bundle: Path) -> Reader:
    from levit_edge.board.measure import BenchmarkSettings, measure

    slim, stream = BundleFolder(bundle), bench_stream(Bundle.open(bundle))

    def read(data: bytes, folder: Path) -> None:
        opened = Bundle.open(slim.write(folder, {}))
        found = measure(opened, _Recorded(written(folder, "stream", data)), BenchmarkSettings(runs=4, threads=(1,)))
        json.dumps(to_json(found))

    return Reader(name="board-bench", seeds=[stream], mutations=STREAM, read=read, programs=True)


def board_evaluation(bundle: Path) -> Reader:
    from levit_edge.board.evaluate import verify_on

    slim, stream = BundleFolder(bundle), evaluation_stream(Bundle.open(bundle), 2)

    def read(data: bytes, folder: Path) -> None:
        opened = Bundle.open(slim.write(folder, {}))
        os.environ["LEVIT_EDGE_CACHE"] = str(folder / "cache")
        found = verify_on(
            opened,
            _Recorded(written(folder, "stream", data)),
            demo.evaluation_dir(),
            options=ImageOptions(limit=2, workers=0),
        )
        json.dumps(to_json(found.verification))

    return Reader(name="board-evaluation", seeds=[stream], mutations=STREAM, read=read, programs=True)


def board_facts(_bundle: Path) -> Reader:
    """What a board says of itself, and what it has."""
    from levit_edge.board.facts.device import describe_device, describe_state, float16_there
    from levit_edge.board.packages import python_version, require_packages, requirements

    def read(data: bytes, _folder: Path) -> None:
        document = parse_json(data, QuantizationError, "it")
        for each in (document, *(document.values() if isinstance(document, dict) else ())):
            json.dumps(to_json([describe_device(each), describe_state(each), float16_there(each).why]))
        if isinstance(document, dict):
            python_version(document)
            requirements(document, list(Runtime))
            require_packages("board", document, None, list(Runtime))

    return Reader(name="board-facts", seeds=[json.dumps(hello()).encode()], mutations=JSON, read=read)


def cpuinfo(_bundle: Path) -> Reader:
    from levit_edge.device.cpuinfo import read_cpuinfo

    arm = "".join(
        f"processor\t: {core}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd asimdhp asimddp\nCPU implementer\t: 0x41\n"
        "CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\n"
        for core in range(4)
    )
    here = Path("/proc/cpuinfo").read_bytes()
    return Reader(
        name="cpuinfo",
        seeds=[arm.encode(), here],
        mutations=BYTES,
        read=lambda data, _: read_cpuinfo(data.decode("utf-8", "replace")),
    )


def android_benchmark(_bundle: Path) -> Reader:
    from fuzz.board_answers import APP_FAILURE, APP_RESULT
    from levit_edge.board.android.benchmark import read_app_benchmark

    def read(data: bytes, _folder: Path) -> None:
        try:
            read_app_benchmark(data, APP_RESULT["nonce"], "phone")
        except LevitEdgeError as error:
            if "could not measure: no model" not in str(error):
                raise

    seeds = [json.dumps(each).encode() for each in (APP_RESULT, APP_RESULT, APP_FAILURE)]
    return Reader(name="android-benchmark", seeds=seeds, mutations=JSON, read=read)


def fleet(_bundle: Path) -> Reader:
    from levit_edge.board.fleet import read_fleet
    from levit_edge.board.transports.target import open_target

    first = '[[board]]\non = "ssh://pi@raspberrypi.local:22"\nthreads = [1, 4]\npython = "/opt/python3"\n'
    text = f'{first}\n[[board]]\non = "adb:1"\n'
    tokens = (
        "[[board]]",
        "[board]",
        "on = 1",
        "threads = [0]",
        "threads = [-1, 1e99]",
        'on = "adb"',
        "x" * 9999,
        "[" * 2000,
    )

    def read(data: bytes, folder: Path) -> None:
        for board in read_fleet(written(folder, "fleet.toml", data)):
            if not board.on.startswith(("qemu", "adb")):
                open_target(board.on, python=board.python, ssh_config=None)

    return Reader(name="fleet", seeds=[text.encode()], mutations=(*[changed_line(tokens)] * 10, *BYTES), read=read)


BOARD_READERS: dict[str, Callable[[Path], Reader]] = {
    "measurement": measurement,
    "board-bench": board_bench,
    "board-evaluation": board_evaluation,
    "board-facts": board_facts,
    "cpuinfo": cpuinfo,
    "android-benchmark": android_benchmark,
    "fleet": fleet,
}
