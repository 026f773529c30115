"""Bundles, file by file, and the packages that are made of them."""

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import numpy as np

from fuzz.mutate_bytes import BYTES
from fuzz.mutate_json import JSON
from fuzz.mutate_zip import ZIP, content_mutation
from fuzz.reader import Reader, written
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.documents import from_json, parse_json, to_json
from levit_edge.errors import LevitEdgeError, QuantizationError

__all__ = ["BUNDLE_READERS", "BundleFolder"]

MOST_CHANGED_BYTES = 1 << 22


class BundleFolder:
    """A bundle whose models are cut off, as they are not run, and which has one golden image: quick to read.

    One of its files can be another; the manifest then has its hash.
    """

    def __init__(self, bundle: Path) -> None:
        self.files = {path.name: path.read_bytes() for path in bundle.iterdir() if path.is_file()}
        with np.load(io.BytesIO(self.files["golden.npz"])) as arrays:
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **{name: arrays[name][:1] for name in arrays.files})
        self.files |= self.with_file("golden.npz", buffer.getvalue())
        for name in [name for name in self.files if name.endswith((".pte", ".onnx"))]:
            self.files |= self.with_file(name, self.files[name][:1000])

    def write(self, folder: Path, changed: Mapping[str, bytes]) -> Path:
        """The bundle in `folder`, with some files changed."""
        place = folder / "keep-bundle"
        if not place.is_dir():
            place.mkdir()
            for name, data in self.files.items():
                (place / name).write_bytes(data)
        for name in self.files:
            data = changed.get(name, self.files[name])
            if name in changed or name == MANIFEST_FILE:
                (place / name).write_bytes(data)
        return place

    def with_file(self, name: str, data: bytes) -> dict[str, bytes]:
        """What changes when a file becomes `data`: it and the manifest."""
        digest = hashlib.sha256(data).hexdigest()
        document = json.loads(self.files[MANIFEST_FILE])
        document["files"][name] = digest
        for artifact in document["artifacts"]:
            if artifact["file"] == name:
                artifact |= {"sha256": digest, "size_bytes": len(data)}
        return {name: data, MANIFEST_FILE: json.dumps(document).encode()}


def _use_bundle(path: Path) -> None:
    """All that is read of a bundle without a runtime, up to the package that is made of it."""
    from levit_edge.board.measure import model_under_test
    from levit_edge.bundle.place import bundle_files
    from levit_edge.package.contents import Purpose
    from levit_edge.package.pack import pack

    bundle_files(path)
    bundle = Bundle.open(path)
    bundle.labels()
    bundle.golden()
    model_under_test(bundle)
    json.dumps(to_json(bundle.manifest))
    pack(bundle, Purpose.ANDROID)


def manifest(bundle: Path) -> Reader:
    folder = BundleFolder(bundle)
    return Reader(
        name="manifest",
        seeds=[folder.files[MANIFEST_FILE]],
        mutations=JSON,
        read=lambda data, scratch: _use_bundle(folder.write(scratch, {MANIFEST_FILE: data})),
    )


def golden(bundle: Path) -> Reader:
    folder = BundleFolder(bundle)
    return Reader(
        name="golden",
        seeds=[folder.files["golden.npz"]],
        mutations=(*ZIP, *[content_mutation(*BYTES)] * 20),
        read=lambda data, scratch: _use_bundle(folder.write(scratch, folder.with_file("golden.npz", data))),
    )


def labels(bundle: Path) -> Reader:
    folder = BundleFolder(bundle)
    return Reader(
        name="labels",
        seeds=[folder.files["labels.txt"]],
        mutations=BYTES,
        read=lambda data, scratch: _use_bundle(folder.write(scratch, folder.with_file("labels.txt", data))),
    )


def evidence(bundle: Path) -> Reader:
    """What a bundle keeps for its report; what is accepted becomes a page."""
    from levit_edge.report.bundle_page import bundle_page
    from levit_edge.report.report_data import REPORT_DATA_FILE

    folder = BundleFolder(bundle)
    return Reader(
        name="evidence",
        seeds=[folder.files[REPORT_DATA_FILE]],
        mutations=JSON,
        read=lambda data, scratch: bundle_page(
            Bundle.open(folder.write(scratch, folder.with_file(REPORT_DATA_FILE, data)))
        ),
    )


def recipe(bundle: Path) -> Reader:
    from levit_edge.bundle.recipe import Recipe

    stored = json.loads((bundle / MANIFEST_FILE).read_bytes())["recipe"]
    return Reader(
        name="recipe",
        seeds=[json.dumps(stored | {"float_layers": ["stem.*", "head"]}).encode()],
        mutations=JSON,
        read=lambda data, _: from_json(Recipe, parse_json(data, QuantizationError, "it"), QuantizationError, "it"),
    )


def _packages(bundle: Path) -> list[bytes]:
    from levit_edge.package.contents import ZIPPED
    from levit_edge.package.pack import pack

    with tempfile.TemporaryDirectory() as scratch:
        opened = Bundle.open(BundleFolder(bundle).write(Path(scratch), {}))
        return [pack(opened, purpose) for purpose in ZIPPED]


def _read_package(data: bytes, folder: Path) -> None:
    from levit_edge.package.package import Package, is_package, read_package_file

    path = written(folder, "package.zip", data)
    is_package(path)
    Package.parse(read_package_file(path), str(path))


def package(bundle: Path) -> Reader:
    return Reader(name="package", seeds=_packages(bundle), mutations=ZIP, read=_read_package)


def package_document(bundle: Path) -> Reader:
    from levit_edge.package.contents import DOCUMENT_FILE

    return Reader(
        name="package-document",
        seeds=_packages(bundle),
        mutations=(content_mutation(*JSON, names=(DOCUMENT_FILE,)),),
        read=_read_package,
    )


def _changed_page(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Change what is in one file of a page, mostly in its `model.json`; its hash in the page is right."""
    from levit_edge.package.contents import DOCUMENT_FILE
    from levit_edge.package.web.page import file_element, read_page

    try:
        files = read_page(data, "it")
    except LevitEdgeError:  # an earlier mutation left none
        return data
    name = chance.choice([*files, *[DOCUMENT_FILE] * (len(files) * (DOCUMENT_FILE in files))])
    if len(files[name]) > MOST_CHANGED_BYTES:  # grown by earlier mutations: the next would take longer than any reader
        return data
    mutation = chance.choice(JSON if name == DOCUMENT_FILE else BYTES)
    new = mutation(chance, files[name], [files[name]])
    return data.replace(file_element(name, files[name]).encode(), file_element(name, new).encode())


def page(bundle: Path) -> Reader:
    from levit_edge.package.contents import WEB_RUNTIME, PagePrecision
    from levit_edge.package.web.pack import web_files
    from levit_edge.package.web.page import write_page

    with tempfile.TemporaryDirectory() as scratch:
        opened = Bundle.open(BundleFolder(bundle).write(Path(scratch), {}))
        runtime = dict.fromkeys(WEB_RUNTIME, b"no runtime opens it here")
        seeds = [write_page(web_files(opened, each, runtime), "it") for each in PagePrecision]
    return Reader(name="page", seeds=seeds, mutations=(*[_changed_page] * 20, *BYTES), read=_read_package)


def signature(bundle: Path) -> Reader:
    """A public key in PEM, a line, and a signature in hexadecimal."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    from levit_edge.package.signature import check_signature, load_private_key

    signed = (bundle / "labels.txt").read_bytes()
    encoding = serialization.Encoding.PEM
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    seeds = []
    for key in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        made = key.sign(signed) if isinstance(key, ed25519.Ed25519PrivateKey) else bytes(64)
        seeds.append(public + b"--\n" + made + b"--\n" + key.private_bytes(encoding, *form))

    def read(data: bytes, folder: Path) -> None:
        public, _, rest = data.partition(b"--\n")
        made, _, private = rest.partition(b"--\n")
        path = written(folder, "labels.txt", signed)
        written(folder, "labels.txt.sig", made)
        refused: list[LevitEdgeError] = []
        for attempt in (
            lambda: load_private_key(written(folder, "key", private)),
            lambda: check_signature(path, signed, written(folder, "pub", public)),
        ):
            try:
                attempt()
            except LevitEdgeError as error:
                refused.append(error)
        if refused and data not in seeds:
            raise refused[-1]

    return Reader(name="signature", seeds=seeds, mutations=BYTES, read=read)


BUNDLE_READERS: dict[str, Callable[[Path], Reader]] = {
    "recipe": recipe,
    "manifest": manifest,
    "golden": golden,
    "labels": labels,
    "evidence": evidence,
    "package": package,
    "package-document": package_document,
    "page": page,
    "signature": signature,
}
