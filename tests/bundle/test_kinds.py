from importlib.util import find_spec

import pytest

from levit_edge.bundle.kinds import RUNTIMES, Runtime
from levit_edge.device.oldest import NEWEST_TRIED
from tests.device.test_oldest import onnx_file


def test_every_runtime_has_an_entry_of_its_own() -> None:
    assert list(RUNTIMES) == list(Runtime)
    for word in ("label", "suffix", "runner", "inspector", "exporter"):
        assert len({getattr(entry, word) for entry in RUNTIMES.values()}) == len(Runtime)


@pytest.mark.parametrize("runtime", Runtime)
def test_what_an_entry_names_is_there(runtime: Runtime) -> None:
    names = {
        "levit_edge.runtime": runtime.entry.runner,
        "levit_edge.runtime.inspect": runtime.entry.inspector,
        "levit_edge.quantize.export": runtime.entry.exporter,
    }
    for room, name in names.items():
        found = find_spec(f"{room}.{name.partition('.')[0]}")
        assert found is not None
        assert found.loader is not None


@pytest.mark.parametrize(
    ("name", "runtime"), [("int8.pte", Runtime.EXECUTORCH), ("a.b.onnx", Runtime.ONNXRUNTIME), ("int8.tflite", None)]
)
def test_a_file_is_known_by_its_ending(name: str, runtime: Runtime | None) -> None:
    assert Runtime.of_file(name) is runtime


@pytest.mark.parametrize(
    ("maker", "oldest", "word"),
    [("1.4.1", "1.3.1", "tried"), ("1.4.1+cpu", "1.3.1", "tried"), ("1.9", "1.9", "promised")],
)
def test_no_older_executorch_is_named_than_was_tried(maker: str, oldest: str, word: str) -> None:
    found = Runtime.EXECUTORCH.entry.oldest(maker, b"")
    assert found.version == oldest
    assert found.basis.startswith(word)


@pytest.mark.parametrize(
    ("ir_version", "operator_set", "oldest", "word"),
    [(8, 18, "1.15.0", "tried by"), (10, 18, "1.18.0", "tried by"), (12, 25, NEWEST_TRIED, "not tried")],
)
def test_the_oldest_onnxruntime_follows_from_the_file(
    ir_version: int, operator_set: int, oldest: str, word: str
) -> None:
    found = Runtime.ONNXRUNTIME.entry.oldest("1.19.0", onnx_file(ir_version, operator_set))
    assert found.version == oldest
    assert found.basis.startswith(word)
