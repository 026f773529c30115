"""`levit-edge verify`: measure an existing bundle on labelled images, here or on a board; or check a package."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from levit_edge.bundle.kinds import GateOn, Runtime
from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.images import find_images
from levit_edge.cli.options import (
    AllowPoorFp32,
    Classes,
    Devkit,
    GateOnChoice,
    JsonOutput,
    Key,
    Labels,
    Limit,
    MaxDrop,
    Python,
    RuntimeChoice,
    SkipBadImages,
    SshConfig,
    Timeout,
    Workers,
    bundles,
    is_package_place,
    require_ssh_config,
    targets,
)
from levit_edge.cli.terminal.console import print_json, say, show_note, show_warning, stdout, suggest
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.options import ImageOptions
from levit_edge.errors import ExitStatus, PackageError
from levit_edge.places import require_file
from levit_edge.text import counted

if TYPE_CHECKING:
    from levit_edge.board.transports.transport import Transport
    from levit_edge.bundle.manifest import Verification
    from levit_edge.bundle.reader import Bundle
    from levit_edge.package.verify import PackageVerification
    from levit_edge.system.progress import Stages

__all__ = ["verify"]


BundleOrPackage = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE",
        autocompletion=bundles,
        help="A folder made by `levit-edge quantize`, or a .zip, a page or a page's folder by `levit-edge package`.",
    ),
]
Evaluation = Annotated[
    Path | None,
    typer.Option(metavar="IMAGES", help="Images to measure a bundle on: class folders, a tar file, imagenette, …"),
]
Only = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Measure only on the images that this file lists, one a line.")
]
Exif = Annotated[
    bool,
    typer.Option(
        "--exif",
        help="Turn photographs the way up that their EXIF says, as `predict` does; ImageNet's protocol does not.",
    ),
]
Board = Annotated[
    str | None,
    typer.Option(
        metavar="BOARD",
        autocompletion=targets,
        help="Run the files on a board, as for `bench`; images are decoded here.",
    ),
]


def verify(
    bundle: BundleOrPackage,
    evaluation: Evaluation = None,
    classes: Classes = None,
    labels: Labels = None,
    devkit: Devkit = None,
    only: Only = None,
    max_drop: MaxDrop = None,
    gate_on: GateOnChoice = GateOn.DROP,
    allow_poor_fp32: AllowPoorFp32 = False,
    limit: Limit = None,
    runtime: RuntimeChoice = None,
    skip_bad_images: SkipBadImages = False,
    exif: Exif = False,
    workers: Workers = None,
    on: Board = None,
    python: Python = None,
    ssh_config: SshConfig = None,
    timeout: Timeout = None,
    key: Key = None,
    json: JsonOutput = False,
) -> int:
    """Run a bundle's fp32 and INT8 files in the real runtimes over images, and compare them; or check a package.

    Of a package the checksums, the golden outputs and, with --key, the signature are checked; it is never unpacked.
    """
    for_boards = {"--python": python, "--ssh-config": ssh_config, "--timeout": timeout}
    if is_package_place(bundle):
        for_bundles = {
            "--evaluation": evaluation,
            "--classes": classes,
            "--labels": labels,
            "--devkit": devkit,
            "--only": only,
            "--max-drop": max_drop is not None,
            "--gate-on": gate_on is not GateOn.DROP,
            "--allow-poor-fp32": allow_poor_fp32,
            "--limit": limit,
            "--runtime": runtime,
            "--skip-bad-images": skip_bad_images,
            "--exif": exif,
            "--workers": workers is not None,
            "--on": on,
            **for_boards,
        }
        _verify_package(bundle, key, for_bundles, json=json)
        return ExitStatus.DONE
    images = _checked(evaluation, key, on, for_boards)
    bundle = bundle_at_hand(bundle)
    require_ssh_config(ssh_config)
    sources = ImageOptions(classes=classes, labels=labels, devkit=devkit, only=only)
    options = replace(sources, limit=limit, skip_bad_images=skip_bad_images, exif=exif, workers=workers)
    find_images(options, images, json=json)
    from levit_edge.runtime.evaluation.gate import GateRules

    rules = GateRules(max_drop_pt=max_drop, on=gate_on, allow_poor_fp32=allow_poor_fp32)
    asked: dict[str, Any] = {"options": options, "rules": rules}
    board = None if on is None else _Board(on, python, ssh_config, timeout)
    return _verify_bundle(bundle, images, runtime, board, asked, json=json)


class _Board(NamedTuple):
    """Where files run, and how it is reached."""

    target: str
    python: str | None
    ssh_config: Path | None
    timeout_s: float | None


def _verify_bundle(
    bundle: Path,
    images: Path,
    runtime: list[Runtime] | None,
    board: _Board | None,
    asked: dict[str, Any],
    *,
    json: bool,
) -> int:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.runtime.evaluation.verify import verify as verify_bundle
    from levit_edge.system.progress import Stages

    stages, opened = Stages(None if json else TerminalListener()), Bundle.open(bundle)
    asked = {**asked, "stages": stages}
    if board is None:
        verification = verify_bundle(opened, images, runtimes=tuple(runtime or Runtime), **asked)
    else:
        from levit_edge.board.transports.target import open_target

        transport = open_target(board.target, python=board.python, ssh_config=board.ssh_config)
        verification = _on_board(opened, transport, images, runtimes=runtime, timeout_s=board.timeout_s, **asked)
    _show(opened, verification, stages, None if board is None else board.target, json=json)
    return ExitStatus.GATE_FAILED if verification.gate.passed is False else ExitStatus.DONE


def _checked(evaluation: Path | None, key: Path | None, on: str | None, for_boards: Mapping[str, object]) -> Path:
    """The images of a bundle's verification, if the options go together."""
    if key is not None:
        raise typer.BadParameter("goes with a package: a bundle is not signed.", param_hint="--key")
    if evaluation is None:
        raise typer.BadParameter("a bundle is measured on images: give a folder of them.", param_hint="--evaluation")
    for name, value in for_boards.items():
        if on is None and value is not None:
            raise typer.BadParameter("goes with --on.", param_hint=name)
    return evaluation


def _on_board(bundle: "Bundle", transport: "Transport", images: Path, **asked: Any) -> "Verification":
    """What the board found; what it did not do is said."""
    from levit_edge.board.evaluate import verify_on

    found = verify_on(bundle, transport, images, **asked)
    for reason in found.absent.values():
        show_warning(f"not evaluated on the board: {reason}.")
    if found.resumed:
        show_note(f"evaluated by an earlier call that was cut off: {counted(found.resumed, 'image')}.")
    return found.verification


def _show(bundle: "Bundle", verification: "Verification", stages: "Stages", on: str | None, *, json: bool) -> None:
    from levit_edge.bundle.from_hub import name_of
    from levit_edge.cli.show.tables import bundle_json, verification_table

    if json:
        print_json(bundle_json(bundle, verification, stages.records))
        return
    verification_table(verification, stdout)
    board = () if on is None else ("--on", on)
    if verification.gate.passed is not False and verification.poor_fp32 is None:
        name = name_of(bundle.path)
        suggest(("levit-edge", "bench", name, *board), ("levit-edge", "package", name, "--for", "board"))


def _verify_package(path: Path, key: Path | None, for_bundles: Mapping[str, object], *, json: bool) -> None:
    """Check a package and print what was found; `for_bundles` are the options that must not be given with one."""
    for name, value in for_bundles.items():
        if value:
            raise typer.BadParameter(
                "goes with a bundle: a package has no fp32 files to compare with.", param_hint=name
            )
    if path.is_dir() and key is not None:
        raise typer.BadParameter("goes with a package of one file: a folder is not signed.", param_hint="--key")
    if not path.is_dir():
        require_file(path, "a package made by `levit-edge package`", PackageError)
    if key is not None:
        require_file(key, "a public key (PEM)", PackageError)
    from levit_edge.documents import to_json
    from levit_edge.package.contents import Purpose
    from levit_edge.package.signature import signature_path
    from levit_edge.package.verify import verify_package

    found = verify_package(path, key)
    if json:
        print_json({"schema_version": 1, "package": str(path)} | to_json(found))
        return
    for line in _package_lines(path, found, key):
        say(line)
    if found.page_known is False:
        show_warning(
            "its scripts are not those of this levit-edge: another version made it, or it was changed. What they do was"
            " not checked; a signature (--key) says who made them."
        )
    if key is None and not path.is_dir() and signature_path(path).exists():
        show_warning(f"{signature_path(path)} was not checked: give the maker's public key with --key.")
    if found.purpose is Purpose.BOARD:
        suggest(("unzip", path, "-d", path.stem), ("python", f"{path.stem}/run.py", "--self-test"))


def _package_lines(path: Path, found: "PackageVerification", key: Path | None) -> list[str]:
    lines = [
        f"{path}: a package for {found.purpose}, {counted(found.files, 'file')}, each with its SHA-256",
        f"{'SHA-256 of its model.json' if path.is_dir() else 'SHA-256'} {found.sha256}",
    ]
    for test in found.self_tests:
        if test.max_abs_difference is None:
            lines.append(f"{test.file}: not run, {test.not_run}")
        else:
            lines.append(
                f"{test.file}: computes in {test.runtime} {test.version} what it should,"
                f" {counted(test.images, 'golden image')},"
                f" logits at most {test.max_abs_difference:g} apart"
            )
    if found.page_known:
        lines.append("its scripts are those of this levit-edge")
    if key is not None:
        lines.append(f"signed with the private key of {key}")
    return lines
