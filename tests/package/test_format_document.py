"""docs/package-format.md beside the code that it describes."""

import dataclasses
from pathlib import Path

import pytest

from levit_edge.package.contents import Purpose, expected_files
from levit_edge.package.document import Accuracy, Evaluation, InputFormat, PackageDocument, PackedModel

TEXT = (Path(__file__).parents[2] / "docs" / "package-format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [(PackageDocument, ""), (InputFormat, "input."), (PackedModel, "models[]."), (Accuracy, ""), (Evaluation, "")],
)
def test_every_field_is_described(kind: type, prefix: str) -> None:
    assert dataclasses.is_dataclass(kind)
    assert [field.name for field in dataclasses.fields(kind) if f"`{prefix}{field.name}`" not in TEXT] == []


def test_every_file_is_described() -> None:
    files = {name for purpose in Purpose for name in expected_files(purpose, second=True)}
    own = [name for name in sorted(files) if not name.startswith("levit_edge/")]
    assert [name for name in own if f"`{name}`" not in TEXT] == []
