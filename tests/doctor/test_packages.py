import sys
from importlib.metadata import PackageNotFoundError

import pytest

from levit_edge.doctor import packages
from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.system import host

REQUIREMENTS = [
    "numpy>=1.26",
    "onnxruntime>=1.22",
    "rich; python_version >= '3'",
    "never; sys_platform == 'sunos'",
    "torch==2.13.0; extra == 'quantize'",
    "onnxruntime==1.32.*; extra == 'quantize'",
    "hypothesis>=6; extra == 'dev'",
]
INSTALLED = {"numpy": "2.4.6", "rich": "15.0.0", "onnxruntime": "1.32.0", "torch": "2.13.0+cpu"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Package -> version of a machine that has everything; tests take from it."""
    found = dict(INSTALLED)
    monkeypatch.setattr(host, "installed_version", found.get)
    monkeypatch.setattr(packages, "requires", lambda _name: REQUIREMENTS)
    return found


def both() -> tuple[Check, Check]:
    return packages.check_packages(), packages.check_quantize_packages()


def test_what_is_required_is_there(installed: dict[str, str]) -> None:
    base, quantize = both()
    assert installed
    assert (base.status, base.found, base.advice) == ("ok", "numpy 2.4.6, onnxruntime 1.32.0, rich 15.0.0", "")
    assert (quantize.status, quantize.found) == ("ok", "torch 2.13.0+cpu, onnxruntime 1.32.0")


def test_another_version_is_a_problem(installed: dict[str, str]) -> None:
    installed |= {"onnxruntime": "1.22.0", "torch": "2.12.1"}
    base, quantize = both()
    assert base.status is CheckStatus.OK
    assert quantize.status is CheckStatus.PROBLEM
    assert quantize.found == "torch 2.12.1, expected ==2.13.0; onnxruntime 1.22.0, expected ==1.32.*"
    assert quantize.advice == "pip install 'levit-edge[quantize]'"


def test_a_package_of_an_extra_may_be_missing_and_one_of_all_may_not(installed: dict[str, str]) -> None:
    del installed["torch"], installed["numpy"]
    base, quantize = both()
    assert (base.status, base.found) == ("problem", "not installed: numpy")
    assert (quantize.status, quantize.found) == ("missing", "not installed: torch")


def test_levit_edge_itself_may_not_be_installed(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    assert installed
    monkeypatch.setattr(packages, "requires", nowhere)
    for check in both():
        assert check.status is CheckStatus.PROBLEM
        assert check.advice == "in the clone: pip install -e ."


def test_either_runtime_runs_pte_files(installed: dict[str, str]) -> None:
    check, _ = packages.check_runtimes()
    assert (check.status, "executorch-numpy-runtime" in check.advice) == (CheckStatus.MISSING, True)
    installed["executorch-numpy-runtime"] = "1.4.0"
    check, _ = packages.check_runtimes()
    assert (check.status, check.found) == (CheckStatus.OK, "executorch-numpy-runtime 1.4.0")


def test_one_that_comes_with_levit_edge_is_missed_with_its_packages(installed: dict[str, str]) -> None:
    del installed["onnxruntime"]
    assert [check.name for check in packages.check_runtimes()] == ["ExecuTorch"]


@pytest.mark.parametrize(
    ("package", "version", "status", "found", "advice"),
    [
        ("onnxruntime", "1.24.1", CheckStatus.OK, "onnxruntime 1.24.1", ""),
        (
            "onnxruntime",
            "1.22.0",
            CheckStatus.MISSING,
            "onnxruntime 1.22.0 is installed; files with --onnx-attention fused need onnxruntime 1.23.0 or newer;",
            "pip install 'onnxruntime>=1.24.1'",
        ),
        (
            "onnxruntime",
            "1.17.3",
            CheckStatus.PROBLEM,
            "onnxruntime 1.17.3 is installed; it does not load beside numpy 2.4.6: that needs onnxruntime 1.19.0 or"
            " newer; files of older versions (IR version 10) need onnxruntime 1.18.0 or newer; files with",
            "pip install 'onnxruntime>=1.24.1'",
        ),
        (
            "onnxruntime",
            "1.14.1",
            CheckStatus.PROBLEM,
            "onnxruntime 1.14.1 is installed; it does not load beside numpy 2.4.6: that needs onnxruntime 1.19.0 or"
            " newer; levit-edge's files need onnxruntime 1.15.0 or newer; files of",
            "pip install 'onnxruntime>=1.24.1'",
        ),
        (
            "executorch",
            "1.2.0",
            CheckStatus.PROBLEM,
            "executorch 1.2.0 is installed; levit-edge's files need executorch 1.3.1 or newer",
            "pip install 'executorch>=1.3.1'",
        ),
    ],
)
def test_a_runtime_that_is_too_old_is_named(
    installed: dict[str, str], package: str, version: str, status: CheckStatus, found: str, advice: str
) -> None:
    installed |= {"executorch": "1.4.1", package: version}
    (check,) = (check for check in packages.check_runtimes() if check.found.startswith(f"{package} "))
    assert (check.status, check.advice) == (status, advice)
    assert check.found.startswith(found)


@pytest.mark.parametrize("version", ["1.16.3", "1.17.3"])
def test_beside_numpy_1_an_old_onnxruntime_runs_the_files_of_today(installed: dict[str, str], version: str) -> None:
    installed |= {"executorch": "1.4.1", "numpy": "1.26.4", "onnxruntime": version}
    (check,) = (check for check in packages.check_runtimes() if check.found.startswith("onnxruntime "))
    assert check.status is CheckStatus.MISSING
    assert "numpy" not in check.found
    assert "files of older versions (IR version 10) need onnxruntime 1.18.0 or newer" in check.found


def test_without_packaging_versions_are_not_compared(
    installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    for check in both():
        assert (check.status, check.advice) == (CheckStatus.PROBLEM, "pip install packaging")
