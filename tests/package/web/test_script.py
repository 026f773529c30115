"""Modules of a script become one script, or it is said why they cannot."""

from collections.abc import Mapping

import pytest

from levit_edge.errors import PackageError
from levit_edge.package.web.script import joined


def join(modules: Mapping[str, str]) -> str:
    return joined("main.js", modules.__getitem__)


def test_each_module_comes_once_and_before_its_importers() -> None:
    modules = {
        "main.js": 'import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\n\na(b, c);\n',
        "a.js": 'import { b } from "./b.js";\nexport function a() { return b; }\n',
        "b.js": "export const b = 1;\nexport class c {}\nexport async function d() {}\n",
    }
    assert join(modules) == (
        '"use strict";\nconst b = 1;\nclass c {}\nasync function d() {}\n\nfunction a() { return b; }\n\n\na(b, c);\n'
    )


@pytest.mark.parametrize(
    ("modules", "fault"),
    [
        ({"main.js": 'import { a } from "./a.js";\n', "a.js": 'import { b } from "./main.js";\n'}, "imports itself"),
        ({"main.js": 'import a from "./a.js";\n'}, "'import a from"),
        ({"main.js": 'import { a as b } from "./a.js";\n', "a.js": ""}, "'import { a as b }"),
        ({"main.js": "export default 1;\n"}, "'export default 1;'"),
        ({"main.js": 'const text = "</SCRIPT>";\n'}, "'</SCRIPT'"),
        ({"main.js": "// <!-- a comment\n"}, "'<!--'"),
        (
            {"main.js": 'import { a } from "./a.js";\nconst one = 1;\n', "a.js": "export const one = 2;\n"},
            "main.js and a.js both declare one",
        ),
    ],
)
def test_what_cannot_be_one_script_is_refused(modules: Mapping[str, str], fault: str) -> None:
    with pytest.raises(PackageError, match=fault):
        join(modules)


@pytest.mark.parametrize("main", ["page.js", "worker.js"])
def test_those_of_the_page_are_joined(main: str) -> None:
    assert joined(main).startswith('"use strict";\n')
