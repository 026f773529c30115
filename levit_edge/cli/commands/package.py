"""`levit-edge package`: pack a bundle's files for an app, a board or a browser."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.bundles import bundle_at_hand
from levit_edge.cli.options import PAGE_SUFFIXES, BundlePath, JsonOutput, is_page_name, require_suffix
from levit_edge.cli.terminal.console import print_json, say, suggest
from levit_edge.cli.web_runtime import note_fetch, note_not_kept
from levit_edge.package.contents import PagePrecision, Purpose
from levit_edge.system.atomic import require_writable

__all__ = ["package"]


@dataclass(frozen=True, kw_only=True)
class _Made:
    path: Path
    size_bytes: int
    sha256: str | None
    """Of the file, or of the zip of which a project got the files; None for a folder."""
    signature: Path | None = None


def package(
    bundle: BundlePath,
    purpose: Annotated[
        Purpose,
        typer.Option(
            "--for",
            help="android: for an app, .pte alone. board: also .onnx, and a run.py. web: a page that runs anywhere.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The package; for web FILE.html, or a folder for a static host. [default: BUNDLE-android.zip,"
            " BUNDLE-board.zip or BUNDLE-web.html]",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="PROJECT", help="Instead of a zip: the assets of this Android project, such as android_demo."
        ),
    ] = None,
    precision: Annotated[
        PagePrecision | None, typer.Option(help="For web: which models the page has. [default: int8]")
    ] = None,
    runtime_files: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="For web: onnxruntime-web's archive as `npm pack` writes it, or its folder. [default: npm]",
        ),
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Sign it with this private Ed25519 key (PEM), into FILE.sig.")
    ] = None,
    json: JsonOutput = False,
) -> None:
    """Pack a bundle's files, with all that it takes to use them and to trust them."""
    _check_places(into, purpose, output, sign)
    _check_web_only(purpose, {"--precision": precision, "--runtime-files": runtime_files})
    bundle = bundle_at_hand(bundle)
    path = output or _named_after(bundle, purpose)
    if into is None and not _is_folder(path, purpose):
        require_writable(path, "--output")
    if purpose is Purpose.WEB:
        made = _package_page(bundle, path, precision or PagePrecision.INT8, runtime_files, sign)
        note_not_kept(runtime_files)
    else:
        made = _package_zip(bundle, purpose, path, sign) if into is None else _package_into(bundle, purpose, into)
    if json:
        _print_made(bundle, purpose, made)
        return
    say(f"{made.path}: {made.size_bytes / 2**20:.2f} MiB")
    if made.sha256 is not None:
        say(f"SHA-256{'' if into is None else ' of the same package as a zip'} {made.sha256}")
    if made.signature is not None:
        say(f"signature: {made.signature}")
    if into is None:
        _suggest_next(made, purpose)


def _suggest_next(made: _Made, purpose: Purpose) -> None:
    if made.sha256 is not None:
        suggest(("levit-edge", "verify", made.path, *(() if made.signature is None else ("--key", "PUBLIC.pem"))))
        if purpose is Purpose.WEB:
            say("Open it in a browser, from the disk too.")
        return
    suggest(("python3", "-m", "http.server", "--directory", made.path))
    say("Then open http://localhost:8000. Hosts that read `_headers` give the page more than one thread.")


def _print_made(bundle: Path, purpose: Purpose, made: _Made) -> None:
    from levit_edge.bundle.from_hub import name_of

    document = {"schema_version": 1, "bundle": name_of(bundle), "package": str(made.path), "purpose": purpose}
    document |= {"size_bytes": made.size_bytes, "sha256": made.sha256}
    print_json(document | {"signature": made.signature and str(made.signature)})


def _package_zip(bundle: Path, purpose: Purpose, path: Path, sign: Path | None) -> _Made:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.package.pack import pack

    return _write(path, sign, lambda: pack(Bundle.open(bundle), purpose))


def _package_into(bundle: Path, purpose: Purpose, project: Path) -> _Made:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.package.into_app import assets_of, put_into_app
    from levit_edge.package.pack import pack

    assets_of(project)
    data = pack(Bundle.open(bundle), purpose)
    folder = put_into_app(project, data)
    return _Made(path=folder, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _package_page(
    bundle: Path, path: Path, precision: PagePrecision, runtime_path: Path | None, sign: Path | None
) -> _Made:
    from levit_edge.bundle.reader import Bundle
    from levit_edge.package.web.folder import put_folder, require_replaceable_folder
    from levit_edge.package.web.pack import page_title, web_files
    from levit_edge.package.web.page import folder_files, write_page
    from levit_edge.package.web.runtime_files import runtime_files

    opened = Bundle.open(bundle)
    title = page_title(opened)
    note_fetch(runtime_path)
    if not _is_folder(path, Purpose.WEB):
        return _write(path, sign, lambda: write_page(web_files(opened, precision, runtime_files(runtime_path)), title))
    require_replaceable_folder(path)
    files = folder_files(web_files(opened, precision, runtime_files(runtime_path)), title)
    put_folder(path, files)
    return _Made(path=path, size_bytes=sum(map(len, files.values())), sha256=None)


def _write(path: Path, sign: Path | None, make: Callable[[], bytes]) -> _Made:
    """Write what `make` makes, and its signature."""
    from levit_edge.package.signature import load_private_key, signature_path
    from levit_edge.package.write import package_reserved, write_package

    with package_reserved(path):
        signer = None if sign is None else load_private_key(sign)
        data = make()
        write_package(path, data, None if signer is None else signer(data))
    signature = None if sign is None else signature_path(path)
    return _Made(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), signature=signature)


def _is_folder(path: Path, purpose: Purpose) -> bool:
    """Whether the output is a folder for a static host."""
    return purpose is Purpose.WEB and not is_page_name(path)


def _named_after(bundle: Path, purpose: Purpose) -> Path:
    return Path(f"{bundle.resolve().name}-{purpose}{PAGE_SUFFIXES[0] if purpose is Purpose.WEB else '.zip'}")


def _check_output(purpose: Purpose, output: Path | None, sign: Path | None) -> None:
    if purpose is not Purpose.WEB:
        require_suffix(output, (".zip",), "--output")  # `verify` and boards tell a package by it
    if output is None or not _is_folder(output, purpose):
        return
    if output.suffix and not output.is_dir():
        raise typer.BadParameter(
            f"{output} does not end in {PAGE_SUFFIXES[0]}; a folder for a static host has no ending, or is there"
            " already.",
            param_hint="--output",
        )
    if sign is not None:
        raise typer.BadParameter("signs one file: give --output FILE.html.", param_hint="--sign")


def _check_web_only(purpose: Purpose, given: dict[str, object]) -> None:
    for option, value in given.items():
        if value is not None and purpose is not Purpose.WEB:
            raise typer.BadParameter(f"goes with --for {Purpose.WEB}.", param_hint=option)


def _check_places(into: Path | None, purpose: Purpose, output: Path | None, sign: Path | None) -> None:
    _check_output(purpose, output, sign)
    if into is None:
        return
    if purpose is not Purpose.ANDROID:
        what = "boards" if purpose is Purpose.BOARD else "browsers"
        raise typer.BadParameter(f"goes with --for android: a package for {what} is not an app's.", param_hint="--into")
    if output is not None:
        raise typer.BadParameter("give --output or --into, not both.", param_hint="--into")
    if sign is not None:
        raise typer.BadParameter(
            "signs a zip: files built into an app are covered by the app's own signature.", param_hint="--sign"
        )
