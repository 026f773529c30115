"""Whether the installed packages are those that were measured together, by what levit-edge's metadata requires."""

from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from levit_edge.bundle.kinds import Runtime
from levit_edge.doctor.check import Check, CheckStatus

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
    """The runtimes that do not come with levit-edge itself."""
    return [_check_runtime(runtime) for runtime in Runtime if runtime.entry.install]


def _check_runtime(runtime: Runtime) -> Check:
    entry = runtime.entry
    found = [f"{package} {installed}" for package in sorted(entry.packages) if (installed := _installed(package))]
    if found:
        return Check(name=entry.label, status=CheckStatus.OK, found=", ".join(found))
    others = " and ".join(each.entry.suffix for each in Runtime if each is not runtime)
    return Check(
        name=entry.label,
        status=CheckStatus.MISSING,
        found=f"nothing here runs {entry.suffix} files; {others} files do not need it",
        advice=entry.install,
    )


def _check(name: str, extra: str, repair: str) -> Check:
    try:
        wanted = _requirements(extra)
    except PackageNotFoundError:  # which is an ImportError, too
        return Check(
            name=name,
            status=CheckStatus.PROBLEM,
            found="levit-edge is imported from a folder and not installed, so what it requires is not known",
            advice="in the clone: pip install -e .",
        )
    except ImportError:
        return Check(
            name=name,
            status=CheckStatus.PROBLEM,
            found="packaging is not installed, so versions cannot be compared",
            advice="pip install packaging",
        )
    found = {each.name: _installed(each.name) for each in wanted}
    wrong = [f"{each.name} {found[each.name]}, expected {each.specifier}" for each in wanted if _misfit(each)]
    absent = [package for package, installed in found.items() if installed is None]
    if wrong:
        return Check(name=name, status=CheckStatus.PROBLEM, found="; ".join(wrong), advice=repair)
    if absent:
        status = CheckStatus.MISSING if extra else CheckStatus.PROBLEM
        return Check(name=name, status=status, found=f"not installed: {', '.join(absent)}", advice=repair)
    listed = ", ".join(f"{package} {installed}" for package, installed in found.items())
    return Check(name=name, status=CheckStatus.OK, found=listed)


def _requirements(extra: str) -> "list[Requirement]":
    """What levit-edge requires here: always, or with `extra` and not without."""
    from packaging.requirements import Requirement

    known = [Requirement(each) for each in requires("levit-edge") or ()]
    always = [each for each in known if each.marker is None or each.marker.evaluate({"extra": ""})]
    if not extra:
        return always
    return [each for each in known if each not in always and each.marker and each.marker.evaluate({"extra": extra})]


def _misfit(requirement: "Requirement") -> bool:
    installed = _installed(requirement.name)
    return installed is not None and not requirement.specifier.contains(installed, prereleases=True)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
