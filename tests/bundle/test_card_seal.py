"""A card of levit-edge's goes with its bundle; one that somebody has changed keeps the bundle from being replaced."""

from pathlib import Path

import pytest

from levit_edge.bundle.card_seal import has_own_card, is_unchanged, sealed
from levit_edge.bundle.place import require_replaceable
from levit_edge.errors import OutputError


def test_a_seal_is_broken_by_any_change() -> None:
    card = sealed("---\nlicense: mit\n---\n\n# Model\n").encode()
    assert is_unchanged(card)
    assert not is_unchanged(card.replace(b"mit", b"gpl"))
    assert not is_unchanged(card + b"\n")
    assert not is_unchanged(b"")


def test_a_bundle_is_replaced_with_its_card_and_not_with_somebodys(bundle_path: Path) -> None:
    (bundle_path / "README.md").write_text(sealed("# Model\n"))
    assert has_own_card(bundle_path)
    require_replaceable(bundle_path)
    (bundle_path / "README.md").write_text(sealed("# Model\n") + "Mine.\n")
    assert not has_own_card(bundle_path)
    with pytest.raises(OutputError, match="holds other files too"):
        require_replaceable(bundle_path)


def test_what_is_no_card(tmp_path: Path) -> None:
    assert not has_own_card(tmp_path)
    (tmp_path / "README.md").mkdir()
    assert not has_own_card(tmp_path)
