"""What is sent to a board, and what starts it there: for every Python that boards have."""

import ast
import sys

from levit_edge.board.transports.transport import BOOT, agent_source
from levit_edge.device.sources import HOME, SOURCES


def test_it_is_python_3_9_and_what_starts_it_is_python_2() -> None:
    ast.parse(agent_source(), feature_version=(3, 9))
    assert not set("'\n!") & set(BOOT)  # so that every login shell takes it
    ast.parse(BOOT, feature_version=(3, 4))


def modules_of_the_agent() -> dict[str, set[str]]:
    """Its own modules, and which modules each imports when it is imported."""
    found: dict[str, set[str]] = {}
    waiting = {"levit_edge.device.agent", "levit_edge.device.importer"}
    while waiting:
        name = waiting.pop()
        source = (HOME / f"{name.removeprefix('levit_edge.').replace('.', '/')}.py").read_text()
        imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
        found[name] = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
        found[name] |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
        waiting |= {each for each in found[name] if each.startswith("levit_edge.")} - set(found)
    return found


def test_it_imports_only_what_every_python_has() -> None:
    found = modules_of_the_agent()
    assert {"levit_edge.device.worker", "levit_edge.device.folder"} <= set(found)
    names = set().union(*found.values()) - set(found)
    assert {"json", "collections.abc"} <= names
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names - {"tomllib"}  # of 3.11


def test_all_that_it_imports_is_sent() -> None:
    files = {f"{name.removeprefix('levit_edge.').replace('.', '/')}.py" for name in modules_of_the_agent()}
    assert files <= set(SOURCES)
    assert "device/run.py" not in SOURCES
    assert agent_source() == agent_source()
