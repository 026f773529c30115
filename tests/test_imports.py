"""A board installs numpy, pillow, typer, rich and a runtime: nothing else may be needed there."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import levit_edge.board
import levit_edge.data
import levit_edge.doctor
import levit_edge.package
import levit_edge.report
import levit_edge.runtime

HEAVY = (
    "torch", "torchao", "executorch", "onnx", "onnxscript", "safetensors", "huggingface_hub", "jinja2", "matplotlib"
)  # fmt: skip
LIBRARY_MODULES = [
    module.name
    for package in (
        levit_edge.data,
        levit_edge.runtime,
        levit_edge.board,
        levit_edge.doctor,
        levit_edge.package,
        levit_edge.report,
    )
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


def imported_by(code: str, *arguments: object) -> set[str]:
    """The top-level packages that are imported after `code` has run in an interpreter of its own."""
    script = f"import sys\n{code}\nprint('imported:', *(name for name in sys.modules if '.' not in name))"
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.rpartition("imported:")[2].split())


@pytest.mark.parametrize("code", ["import levit_edge", "import levit_edge.cli.main"])
def test_importing_loads_neither_torch_nor_a_runtime(code: str) -> None:
    assert imported_by(code).isdisjoint({*HEAVY, "onnxruntime"})


def test_help_loads_neither_torch_nor_a_runtime() -> None:
    code = "from levit_edge.cli.main import run\nassert run(['verify', '--help']) == 0"
    assert imported_by(code).isdisjoint({*HEAVY, "onnxruntime"})


def test_no_module_of_runtime_or_data_loads_torch_or_a_runtime() -> None:
    imported = imported_by("\n".join(f"import {name}" for name in LIBRARY_MODULES))
    assert imported.isdisjoint({*HEAVY, "onnxruntime"})
    assert "numpy" in imported  # the list is not empty


@pytest.mark.parametrize(
    "call",
    [
        ["verify", "BUNDLE", "--evaluation", "PHOTOGRAPHS", "--runtime", "onnxruntime"],
        ["predict", "BUNDLE", "PHOTOGRAPHS/0-red/01.png"],
    ],
    ids=" ".join,
)
def test_onnx_alone_needs_no_torch_here_nor_in_the_processes_that_run_it(
    tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path, call: list[str]
) -> None:
    for heavy in HEAVY:
        (tmp_path / f"{heavy}.py").write_text("import os\nos._exit(7)")
    code = "sys.path.insert(0, sys.argv.pop())\nfrom levit_edge.cli.main import run\nassert run(sys.argv[1:]) == 0"
    arguments = [
        argument.replace("BUNDLE", str(tiny_bundle)).replace("PHOTOGRAPHS", str(labelled_photographs))
        for argument in call
    ]
    assert imported_by(code, *arguments, tmp_path).isdisjoint({*HEAVY, "onnxruntime"})
