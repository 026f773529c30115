"""`levit-edge verify PACKAGE`: the part of `verify` that is about packages."""

from collections.abc import Mapping
from pathlib import Path

import typer

from levit_edge.cli.terminal.console import print_json, show_warning, stdout, suggest

__all__ = ["names_package", "verify_package"]


def names_package(path: Path) -> bool:
    """Whether an argument means a package and not a bundle, which is a folder."""
    return path.suffix.lower() == ".zip" and not path.is_dir()


def verify_package(path: Path, key: Path | None, for_bundles: Mapping[str, object], *, json: bool) -> None:
    """Check a package and print what was found; `for_bundles` are the options that must not be given with one."""
    for name, value in for_bundles.items():
        if value:
            raise typer.BadParameter(
                "goes with a bundle: a package has no fp32 files to compare with.", param_hint=name
            )
    from levit_edge.documents import to_json
    from levit_edge.package.contents import Purpose
    from levit_edge.package.signature import signature_path
    from levit_edge.package.verify import verify_package

    found = verify_package(path, key)
    if json:
        print_json({"schema_version": 1, "package": str(path)} | to_json(found))
        return
    lines = [
        f"{path}: a package for {found.purpose}, {found.files} files, each with its SHA-256",
        f"SHA-256 {found.sha256}",
    ]
    for test in found.self_tests:
        if test.max_abs_difference is None:
            lines.append(f"{test.file}: not run, {test.runtime} is not installed")
        else:
            lines.append(
                f"{test.file}: computes in {test.runtime} {test.version} what it should, {test.images} golden images,"
                f" logits at most {test.max_abs_difference:g} apart"
            )
    if key is not None:
        lines.append(f"signed with the private key of {key}")
    for line in lines:
        stdout.print(line, markup=False, highlight=False, soft_wrap=True)
    if key is None and signature_path(path).exists():
        show_warning(f"{signature_path(path)} was not checked: give the maker's public key with --key.")
    if found.purpose is Purpose.BOARD:
        suggest(("unzip", path, "-d", path.stem), ("python", f"{path.stem}/run.py", "--self-test"))
