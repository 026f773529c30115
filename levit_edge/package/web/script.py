"""The page's sources: found where they are installed, and the modules of a script joined into one.

What these modules use of JavaScript's modules is little, so that no bundler is needed: `import { a, b } from "./c.js";`
and `export` before a declaration. Names at the top level are unique among the modules of a script.
"""

import re
from collections.abc import Callable
from pathlib import Path

import levit_edge
from levit_edge.errors import PackageError
from levit_edge.places import unreadable

__all__ = ["joined", "read_source"]

IMPORT = re.compile(r'^import \{\s*(?:\w+,\s*)*(?:\w+\s*)?\} from "\./([a-z0-9_]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)
DECLARED = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*|</script|<!--", re.MULTILINE | re.IGNORECASE)
"""What would not be understood in the joined script, or would end it in a page."""


def read_source(name: str) -> str:
    """A file of the page: beside this module where levit-edge is installed, in `web_demo/page` of a clone.

    Raises:
        PackageError: this installation lacks it.
    """
    package = Path(levit_edge.__file__).parent
    places = (package / "package" / "web" / "page", package.parent / "web_demo" / "page")
    folder = next((place for place in places if place.is_dir()), places[0])
    try:
        return (folder / name).read_text(encoding="utf-8")
    except OSError as error:
        raise PackageError(f"{folder / name} {unreadable(error)}: install levit-edge again.") from error


def joined(main: str, read: Callable[[str], str] = read_source) -> str:
    """The script `main` and the modules that it imports, each once and before whoever imports it, as one.

    Raises:
        PackageError: the sources use more of modules than is joined here, or declare a name twice.
    """
    done: dict[str, str] = {}
    _add(main, read, done, ())
    declared: dict[str, str] = {}
    for module, text in done.items():
        for name in DECLARED.findall(text):
            if name in declared:
                raise PackageError(f"{module} and {declared[name]} both declare {name}: they cannot be one script.")
            declared[name] = module
    return "\n".join(['"use strict";', *done.values()])  # as modules are, for a worker that is none


def _add(module: str, read: Callable[[str], str], done: dict[str, str], path: tuple[str, ...]) -> None:
    if module in done:
        return
    if module in path:
        raise PackageError(f"{module} imports itself by way of {path[-1]}: they cannot be one script.")
    text = read(module)
    for imported in IMPORT.findall(text):
        _add(imported, read, done, (*path, module))
    text = EXPORT.sub("", IMPORT.sub("", text))
    if (found := LEFT_OVER.search(text)) is not None:
        raise PackageError(f"{module} has {found[0][:60]!r}, which cannot be in a joined script.")
    done[module] = text
