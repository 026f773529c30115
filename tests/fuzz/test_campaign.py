"""The fuzzer itself: what it has to find, it finds."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import campaign
from fuzz.campaign import Outcome, run
from fuzz.mutate_bytes import BYTES
from fuzz.mutate_json import JSON
from fuzz.mutate_models import ONNX, PICKLE, PTE, SAFETENSORS
from fuzz.mutate_zip import ZIP
from fuzz.reader import Reader

SINS = {
    "error": "raise KeyError('x')",
    "write": "(folder.parent / 'outside').write_bytes(data)",
    "read": "open('/etc/passwd').read()",
    "remove": "os.remove('/no/such/file')",
    "program": "os.system('true')",
    "start": "subprocess.run(['true'])",
    "connect": "socket.create_connection(('127.0.0.1', 9))",
    "code": "exec('1 + 1')",
    "import": "__import__('fuzz_me_not')",
    "crash": "os.kill(os.getpid(), 11)",
    "hang": "[None for _ in iter(int, 1)]",
    "memory": "kept.append(bytearray(96 << 20))",
}
WORKER = """
import os, socket, subprocess, sys
from fuzz import readers
from fuzz.reader import Reader
kept, good = [], b"good"

def read(data, folder):
    if data != good:
        try:
            {sin}
        except OSError:
            pass

readers.READERS["sinner"] = lambda _: Reader(
    name="sinner", seeds=[good], mutations=[lambda *_: b"bad"], read=read, native={native}
)
from fuzz import worker
worker.MOST_GROWTH_BYTES = 64 << 20
worker.main()
"""


def sin(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, native: bool = False) -> Outcome:
    """What a campaign of one input finds in a reader that does this."""
    (tmp_path / "sinner.py").write_text(WORKER.format(sin=SINS[what], native=native))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(campaign.REPOSITORY)]))
    return run(tmp_path, "sinner", 1, worker="sinner")


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("error", "KeyError: 'x'"),
        ("write", "trespass: open "),
        ("read", "trespass: open '/etc/passwd'"),
        ("remove", "trespass: os.remove"),
        ("program", "trespass: os.system"),
        ("start", "trespass: subprocess.Popen"),
        ("connect", "trespass: socket."),
        ("code", "trespass: exec <string>"),
        ("import", "trespass: import fuzz_me_not"),
        ("crash", "crash: the process ended with status -11"),
        ("hang", "hang: more than"),
        ("memory", "it takes 9"),
    ],
)
def test_what_no_reader_may_do_is_found(what: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "CPU_S", 2.0)
    outcome = sin(what, tmp_path, monkeypatch)
    assert outcome.found == 1
    assert outcome.findings[0]["what"].startswith(told)


def test_the_crash_of_a_runtime_is_counted_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = sin("crash", tmp_path, monkeypatch, native=True)
    assert (outcome.found, dict(outcome.contained)) == (0, {"crash: SIGSEGV": 1})


@given(
    data=st.binary(max_size=300),
    number=st.integers(0, 10**6),
    mutations=st.sampled_from([BYTES, JSON, ZIP, PICKLE, SAFETENSORS, ONNX, PTE]),
)
def test_any_bytes_can_be_mutated_and_the_same_number_gives_the_same(
    data: bytes, number: int, mutations: tuple[object, ...]
) -> None:
    reader = Reader(name="any", seeds=[data, b"other"], mutations=mutations, read=lambda *_: None)  # type: ignore[arg-type]
    assert reader.input(0, number) == reader.input(0, number)


def test_inputs_differ() -> None:
    reader = Reader(name="any", seeds=[random.Random(0).randbytes(100)], mutations=BYTES, read=lambda *_: None)
    assert len({reader.input(0, number) for number in range(100)}) > 90
    assert reader.input(0, 1) != reader.input(1, 1)
