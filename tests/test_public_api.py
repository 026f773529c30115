import subprocess
import sys

import pytest

import levit_edge


def run_python(code: str) -> None:
    """Run `code` in an interpreter that has imported nothing yet."""
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_all_names_have_a_home_and_no_other() -> None:
    assert sorted(levit_edge.__all__) == list(levit_edge.__all__)
    assert set(levit_edge.__all__) == set(levit_edge._HOMES)
    assert {"Bundle", "fuse", "load", "quantize", "verify"} <= set(levit_edge.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'levit_edge' has no attribute 'dequantize'"):
        levit_edge.dequantize  # noqa: B018


@pytest.mark.parametrize("name", ["Bundle", "LevitEdgeError", "Recipe"])
def test_classes_are_those_of_their_homes(name: str) -> None:
    kind = getattr(levit_edge, name)
    assert isinstance(kind, type)
    assert (kind.__module__, kind.__name__) == (levit_edge._HOMES[name], name)


@pytest.mark.export
def test_every_name_can_be_imported_and_functions_can_be_called() -> None:
    names = ", ".join(levit_edge.__all__)
    run_python(f"from levit_edge import {names}\nassert all(map(callable, ({names})))")


@pytest.mark.export
@pytest.mark.parametrize("name", ["fuse", "load", "predict", "quantize", "verify"])
def test_a_function_can_be_called_whatever_was_imported_before(name: str) -> None:
    home = levit_edge._HOMES[name]
    run_python(f"import {home}, levit_edge.bundle.recipe\nfrom levit_edge import {name}\nassert callable({name})")


@pytest.mark.export
def test_the_package_quantize_is_called_as_its_pipeline() -> None:
    run_python(
        "from levit_edge import LevitEdgeError, quantize\n"
        "import levit_edge.bundle.recipe\n"
        "try:\n"
        "    quantize('no/such.pth', output='bundle')\n"
        "except LevitEdgeError as error:\n"
        "    assert 'no/such.pth' in str(error), error\n"
        "else:\n"
        "    raise SystemExit('nothing was raised')\n"
        "import inspect\n"
        "from levit_edge.quantize.pipeline import quantize as function\n"
        "assert inspect.signature(quantize) == inspect.signature(function)\n"
    )
