"""What Python and which packages a board has, what it lacks for a bundle, and how to get that."""

from collections.abc import Collection, Mapping
from typing import Any

from levit_edge.bundle.kinds import Runtime
from levit_edge.errors import BoardError
from levit_edge.text import entries, text

__all__ = ["python_version", "require_packages", "requirements", "runtimes_there"]


def runtimes_there(hello: Mapping[str, Any]) -> frozenset[Runtime]:
    """The runtimes that the board has, by the agent's word."""
    found = entries(hello.get("packages"))

    def there(runtime: Runtime, package: str) -> bool:
        return all(map(found.get, (package, *runtime.entry.beside.get(package, ()))))

    return frozenset(each for each in Runtime if any(there(each, package) for package in each.entry.packages))


def require_packages(
    board: str, hello: Mapping[str, Any], wanted: Collection[Runtime] | None, useful: Collection[Runtime]
) -> dict[Runtime, str]:
    """The `useful` runtimes that the board has not, and what to do about it.

    Raises:
        BoardError: numpy is missing, or a runtime that is `wanted`, or every one.
    """
    here = runtimes_there(hello)
    missing = [runtime for runtime in useful if runtime not in here]
    lacking = [] if entries(hello.get("packages")).get("numpy") else ["numpy"]
    needed = [*lacking, *(package for runtime in missing for package in requirement(hello, runtime))]
    fatal = lacking or any(runtime in missing for runtime in wanted or ()) or len(missing) == len(set(useful))
    executable = text(hello.get("executable"), 200)
    python = f"{executable} (Python {'.'.join(map(str, python_version(hello)))})"
    if fatal:
        absent = " and ".join([*lacking, *(str(runtime) for runtime in missing)])
        raise BoardError(
            f"{board}: {python} has no {absent}. Install it on the board with `{executable} -m pip"
            f" install {' '.join(needed)}`, or let --setup make a private environment there."
        )
    return {
        runtime: f"{python} has no {runtime}: `pip install {' '.join(requirement(hello, runtime))}` there, or --setup"
        for runtime in missing
    }


def requirements(hello: Mapping[str, Any], runtimes: Collection[Runtime]) -> tuple[str, ...]:
    """What to install on the board for `runtimes`."""
    return ("numpy", *(package for runtime in runtimes for package in requirement(hello, runtime)))


def requirement(hello: Mapping[str, Any], runtime: Runtime) -> tuple[str, ...]:
    """The package that fits the board's Python, and what it needs beside it."""
    packages, python = runtime.entry.packages, python_version(hello)
    fitting = next((name for name, oldest in packages.items() if python >= oldest), [*packages][-1])
    return fitting, *runtime.entry.beside.get(fitting, ())


def python_version(hello: Mapping[str, Any]) -> tuple[int, int]:
    """The version of the board's Python; (0, 0) if the agent does not tell."""
    python = hello.get("python")
    if not isinstance(python, list) or len(python) < 2 or not all(isinstance(each, int) for each in python[:2]):
        return 0, 0
    return python[0], python[1]
