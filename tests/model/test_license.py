"""Which licence a checkpoint's files state."""

from pathlib import Path
from typing import Any

import pytest

from levit_edge.model.license import is_license, published_license, stated_license

CARD = "---\nlanguage: en\nlicense: CC-BY-4.0  # theirs\ntags: [a]\n---\n# Model\nlicense: mit\n"


@pytest.mark.parametrize(
    ("content", "metadata", "card", "found"),
    [
        ({"license": "mit"}, {}, CARD, "mit"),
        ({"pretrained_cfg": {"license": "Apache-2.0"}}, {}, "", "apache-2.0"),
        ({}, {"license": "bsd-3-clause"}, CARD, "bsd-3-clause"),
        ({}, {}, CARD, "cc-by-4.0"),
        ({}, {}, CARD.replace("\n", "\r\n"), "cc-by-4.0"),
        ({}, {}, '---\nlicense: "mit"\n---\n', "mit"),
        ({}, {}, "# Model\nlicense: mit\n", None),
        ({}, {}, "---\nlicense:\n- mit\n---\n", None),
        ({"license": 3, "pretrained_cfg": []}, {"license": "see <b>"}, "---\nlicence: x", None),
        ({}, {}, "---\nlicense: mit", "mit"),
    ],
)
def test_what_the_files_state(
    content: dict[str, Any], metadata: dict[str, str], card: str, found: str | None, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_bytes(card.encode())
    assert stated_license(tmp_path, content, metadata) == found


def test_without_a_card() -> None:
    assert stated_license(None, {}, {}) is None
    assert stated_license(Path("/nowhere"), {}, {}) is None


def test_what_is_published() -> None:
    assert published_license("0" * 64) is None


@pytest.mark.parametrize(
    ("text", "form"), [("apache-2.0", True), ("MIT", False), ("", False), ("a b", False), ("x\n", False)]
)
def test_the_form_of_an_identifier(text: str, form: bool) -> None:
    assert is_license(text) is form
