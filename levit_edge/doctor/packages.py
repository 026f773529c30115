"""Whether the installed packages are those that were measured together, by what levit-edge's metadata requires."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING

from levit_edge.bundle.kinds import Runtime
from levit_edge.device.oldest import ALL_FILES, NEEDS, OLDEST_FOR_NUMPY_2, is_older
from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.system.host import package_versions

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["PACKAGES", "check_packages", "check_quantize_packages", "check_runtimes"]

PACKAGES = "packages"
"""The check without which levit-edge does not work at all."""


def check_packages() -> Check:
    """What verify, predict and inspect need."""
    return _check(PACKAGES, "", "pip install --upgrade levit-edge")


def check_quantize_packages() -> Check:
    """What quantize and sensitivity need besides."""
    return _check("quantize packages", "quantize", "pip install 'levit-edge[quantize]'")


def check_runtimes() -> list[Check]:
    """The runtimes that are there, with those files that they are too old for; and those that do not come with us."""
    found = {runtime: package_versions(tuple(sorted(runtime.entry.packages))) for runtime in Runtime}
    return [_check_runtime(runtime, there) for runtime, there in found.items() if there or runtime.entry.install]


def _check_runtime(runtime: Runtime, found: Mapping[str, str]) -> Check:
    entry = runtime.entry
    if found:
        return _check_age(entry.label, found)
    others = " and ".join(each.entry.suffix for each in Runtime if each is not runtime)
    nothing = f"nothing here runs {entry.suffix} files; {others} files do not need it"
    return Check(entry.label, CheckStatus.MISSING, nothing, entry.install)


def _check_age(label: str, found: Mapping[str, str]) -> Check:
    """Whether packages of one runtime load what levit-edge writes; only some files need the newer ones."""
    unmet = [
        (package, files, oldest)
        for package, version in found.items()
        for files, oldest in NEEDS.get(package, {}).items()
        if is_older(version, oldest)
    ]
    beside = _beside_numpy(found)
    if not unmet and beside is None:
        return Check(label, CheckStatus.OK, _listed(found))
    bad = beside is not None or any(files == ALL_FILES for _, files, _ in unmet)
    status = CheckStatus.PROBLEM if bad else CheckStatus.MISSING
    needs = [f"{files} need {package} {oldest} or newer" for package, files, oldest in unmet]
    told = "; ".join([*([beside] if beside else []), *needs])
    package, _, newest = unmet[-1]
    return Check(label, status, f"{_listed(found)} is installed; {told}", f"pip install '{package}>={newest}'")


def _beside_numpy(found: Mapping[str, str]) -> str | None:
    """What is to be said of an onnxruntime that does not load beside the installed numpy."""
    version, numpy = found.get("onnxruntime"), package_versions(("numpy",)).get("numpy")
    if version is None or numpy is None or is_older(numpy, "2") or not is_older(version, OLDEST_FOR_NUMPY_2):
        return None
    return f"it does not load beside numpy {numpy}: that needs onnxruntime {OLDEST_FOR_NUMPY_2} or newer"


def _check(name: str, extra: str, repair: str) -> Check:
    try:
        wanted = _requirements(extra)
    except PackageNotFoundError:  # which is an ImportError, too
        nothing = "levit-edge is imported from a folder and not installed, so what it requires is not known"
        return Check(name, CheckStatus.PROBLEM, nothing, "in the clone: pip install -e .")
    except ImportError:
        nothing = "packaging is not installed, so versions cannot be compared"
        return Check(name, CheckStatus.PROBLEM, nothing, "pip install packaging")
    found = package_versions(tuple(each.name for each in wanted))
    wrong = [
        f"{each.name} {found[each.name]}, expected {each.specifier}"
        for each in wanted
        if each.name in found and not each.specifier.contains(found[each.name], prereleases=True)
    ]
    absent = [each.name for each in wanted if each.name not in found]
    if wrong:
        return Check(name, CheckStatus.PROBLEM, "; ".join(wrong), repair)
    if absent:
        status = CheckStatus.MISSING if extra else CheckStatus.PROBLEM
        return Check(name, status, f"not installed: {', '.join(absent)}", repair)
    return Check(name, CheckStatus.OK, _listed(found))


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _requirements(extra: str) -> "list[Requirement]":
    """What levit-edge requires here: always, or with `extra` and not without."""
    from packaging.requirements import Requirement

    known = [Requirement(each) for each in requires("levit-edge") or ()]
    always = [each for each in known if each.marker is None or each.marker.evaluate({"extra": ""})]
    if not extra:
        return always
    return [each for each in known if each not in always and each.marker and each.marker.evaluate({"extra": extra})]
