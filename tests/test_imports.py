"""A board installs numpy, pillow, typer, rich and a runtime: nothing else may be needed there."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import levit_edge

HEAVY = (
    "torch", "torchao", "executorch", "onnx", "onnxscript", "safetensors", "huggingface_hub", "jinja2", "matplotlib"
)  # fmt: skip
MAY_IMPORT_TORCH = ("levit_edge.model", "levit_edge.quantize", "levit_edge.sweep", "levit_edge.cli.show.sensitivity")
"""The last two through `quantize`, whose steps they run and whose results they show; the next test looks at them."""
LIBRARY_MODULES = [
    module.name
    for module in pkgutil.walk_packages(levit_edge.__path__, "levit_edge.")
    if not module.name.startswith(MAY_IMPORT_TORCH)
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


def test_no_module_outside_model_and_quantize_loads_torch_or_a_runtime() -> None:
    imported = imported_by("\n".join(f"import {name}" for name in LIBRARY_MODULES))
    assert imported.isdisjoint({*HEAVY, "onnxruntime"})
    assert "numpy" in imported  # the list is not empty


def test_only_model_and_quantize_import_torch_and_the_like_at_module_level() -> None:
    root = Path(levit_edge.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] not in {"model", "quantize"}:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
            names += [str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)]
            assert {name.split(".")[0] for name in names}.isdisjoint({*HEAVY, "onnxruntime"}), path


def test_sizes_and_recipes_are_known_without_torch() -> None:
    assert imported_by("import levit_edge.model.config, levit_edge.bundle.recipe").isdisjoint(HEAVY)


@pytest.mark.export
def test_what_hands_out_a_sweeps_tasks_needs_no_executorch() -> None:
    """Importing it takes seconds, which only those that do the tasks need to spend."""
    assert imported_by("import levit_edge.sweep.sweep").isdisjoint({"executorch", "onnx", "onnxscript"})


@pytest.mark.parametrize(
    "call",
    [
        ["verify", "BUNDLE", "--evaluation", "PHOTOGRAPHS", "--runtime", "onnxruntime"],
        ["predict", "BUNDLE", "PHOTOGRAPHS/red/01.png"],
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
