"""Verifying a package: its signature, its files, and that it computes here what it computed where it was made."""

import hashlib
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from levit_edge.bundle.kinds import Runtime
from levit_edge.device.golden import compare_golden
from levit_edge.errors import PackageError
from levit_edge.package.contents import DOCUMENT_FILE, Purpose
from levit_edge.package.document import PackedModel
from levit_edge.package.package import Package, read_package_file
from levit_edge.package.signature import check_signature
from levit_edge.package.web.folder import own_page_folder, read_folder
from levit_edge.package.web.page import is_page, own_page
from levit_edge.runtime.evaluation.evaluator import Model
from levit_edge.runtime.evaluation.pool import answers
from levit_edge.runtime.runner import refusal_here, runtime_version

__all__ = ["PackageVerification", "SelfTest", "verify_package"]


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """One model's golden input, run here, against its golden output."""

    file: str
    runtime: Runtime
    version: str
    """The version of the runtime here, or `not installed`."""
    images: int
    max_abs_difference: float | None
    """The largest difference of the logits; None if the model was not run."""
    not_run: str = ""
    """Why it was not run; empty if it was."""


@dataclass(frozen=True, kw_only=True)
class PackageVerification:
    """What was found to be so; whatever is not so is an error."""

    purpose: Purpose
    size_bytes: int
    """Of the file; of a folder, that of the package's files."""
    sha256: str
    """Of the file; of a folder, that of `model.json`, which has those of the package's other files."""
    signature_checked: bool
    files: int
    self_tests: tuple[SelfTest, ...]
    page_known: bool | None = None
    """Whether a page's scripts, style and policy are those that this levit-edge writes; None of what is no page."""


def verify_package(path: Path, key: Path | None = None) -> PackageVerification:
    """Check the package at `path`, its signature first if there is a public `key`; the folder of a page has none.

    Raises:
        PackageError: it is not signed by `key`, is damaged, is not a package, or computes something else here.
        RuntimeUnavailableError: a runtime that is installed refuses its model.
    """
    if path.is_dir():
        files = read_folder(path)
        whole, size = files[DOCUMENT_FILE], sum(map(len, files.values()))
        known: bool | None = own_page_folder(path)
        package = Package.of_page(files, str(path))
    else:
        whole = read_package_file(path)
        if key is not None:
            check_signature(path, whole, key)
        size = len(whole)
        known = own_page(whole) if is_page(whole) else None
        package = Package.parse(whole, str(path))
    return PackageVerification(
        purpose=package.document.purpose,
        size_bytes=size,
        sha256=hashlib.sha256(whole).hexdigest(),
        signature_checked=key is not None,
        files=len(package.files) + 1,
        self_tests=tuple(_self_test(package, model) for model in package.document.models),
        page_known=known,
    )


def _self_test(package: Package, model: PackedModel) -> SelfTest:
    version, inputs = runtime_version(model.runtime), package.floats(package.document.golden_input)
    refused = refusal_here(model.file, model.precision, f"model{model.runtime.entry.suffix}")
    not_run = f"{model.runtime} is not installed" if version == "not installed" else refused or ""
    return SelfTest(
        file=model.file,
        runtime=model.runtime,
        version=version,
        images=len(inputs),
        max_abs_difference=None if not_run else _difference(package, model, version),
        not_run=not_run,
    )


def _difference(package: Package, model: PackedModel, version: str) -> float:
    document = package.document
    inputs, golden = package.floats(document.golden_input), package.floats(model.golden_output)
    run = Model(
        file=model.file,
        runtime=model.runtime,
        read=partial(package.files.__getitem__, model.file),
        classes=document.classes,
    )
    with closing(answers([run], list(inputs), document.input.preprocessing(), 1)) as answered:
        found = (answer.logits[0] for answer in answered if not isinstance(answer, str))  # none has to be decoded
        difference, passed = compare_golden(lambda _: next(found), inputs, golden, model.least_sqnr_db)
    if not passed:
        raise PackageError(
            f"{model.file} does not compute in {model.runtime} {version} here what it computed where it was made: its"
            f" logits are up to {difference:g} apart, and less than {model.least_sqnr_db:g} dB SQNR. Make the package"
            " again, or use a newer runtime."
        )
    return difference
