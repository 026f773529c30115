"""`levit-edge package`: pack a bundle's int8 files for an app or a board."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.bundle.place import require_bundle
from levit_edge.cli.options import BundlePath, JsonOutput, require_suffix
from levit_edge.cli.terminal.console import print_json, say, suggest
from levit_edge.package.contents import Purpose
from levit_edge.system.atomic import require_writable

__all__ = ["package"]


def package(
    bundle: BundlePath,
    purpose: Annotated[
        Purpose, typer.Option("--for", help="android: for an app, .pte alone. board: also .onnx, and a run.py.")
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The package. [default: BUNDLE-android.zip or BUNDLE-board.zip]")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="PROJECT", help="Instead of a zip: the assets of this Android project, such as android_demo."
        ),
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Sign it with this private Ed25519 key (PEM), into FILE.sig.")
    ] = None,
    json: JsonOutput = False,
) -> None:
    """Pack a bundle's int8 files, with all that it takes to use them and to trust them."""
    _check_into(into, purpose, output, sign)
    require_suffix(output, (".zip",), "--output")  # `verify` and boards tell a package by it
    path = output or Path(f"{bundle.resolve().name}-{purpose}.zip")
    if into is None:
        require_writable(path, "--output")
    require_bundle(bundle)
    import hashlib

    from levit_edge.bundle.reader import Bundle
    from levit_edge.package.into_app import assets_of, put_into_app
    from levit_edge.package.pack import pack
    from levit_edge.package.signature import load_private_key, signature_path
    from levit_edge.package.write import package_reserved, write_package

    if into is None:
        with package_reserved(path):
            signer = None if sign is None else load_private_key(sign)
            data = pack(Bundle.open(bundle), purpose)
            write_package(path, data, None if signer is None else signer(data))
    else:
        assets_of(into)
        data = pack(Bundle.open(bundle), purpose)
        path = put_into_app(into, data)
    sha256 = hashlib.sha256(data).hexdigest()
    signature = None if sign is None else signature_path(path)
    if json:
        document = {"schema_version": 1, "bundle": str(bundle), "package": str(path), "purpose": purpose}
        document |= {"size_bytes": len(data), "sha256": sha256, "signature": signature and str(signature)}
        print_json(document)
        return
    say(f"{path}: {len(data) / 2**20:.2f} MiB")
    zipped = "" if into is None else " of the same package as a zip"
    say(f"SHA-256{zipped} {sha256}")
    if signature is not None:
        say(f"signature: {signature}")
    if into is None:
        suggest(("levit-edge", "verify", path, *(() if sign is None else ("--key", "PUBLIC.pem"))))


def _check_into(into: Path | None, purpose: Purpose, output: Path | None, sign: Path | None) -> None:
    if into is None:
        return
    if purpose is not Purpose.ANDROID:
        raise typer.BadParameter("goes with --for android: a package for boards is not an app's.", param_hint="--into")
    if output is not None:
        raise typer.BadParameter("give --output or --into, not both.", param_hint="--into")
    if sign is not None:
        raise typer.BadParameter(
            "signs a zip: files built into an app are covered by the app's own signature.", param_hint="--sign"
        )
