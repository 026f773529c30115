"""Names of folders that are UTF-8, where the locale is that of C and Python escapes their bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from levit_edge.data.imagefolder import decoded_name
from tests.data.sources.made_up import jpeg, write_files

SEEN = """
import json, sys
from pathlib import Path
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.sampling import digest
from levit_edge.data.locations import read_bytes
images = evaluation_images(Path(sys.argv[1]), ModelClasses(outputs=3, names=("r\\xf8d", "bl\\xe5", "z")))
print(json.dumps([images.labels, images.relative_paths, digest(images), len(read_bytes(images.images[0]))]))
"""


def seen(folder: Path, environment: dict[str, str]) -> list[object]:
    """What a process with that environment makes of the images."""
    done = subprocess.run(
        [sys.executable, "-c", SEEN, str(folder)], env=os.environ | environment, capture_output=True, check=True
    )
    found: list[object] = json.loads(done.stdout)
    return found


def test_class_folders_pair_with_utf_8_names_whatever_the_locale(tmp_path: Path) -> None:
    write_files(tmp_path, {"blå/ö.jpg": jpeg(1), "rød/a.jpg": jpeg(2), "z/b.jpg": jpeg(3)})
    without = seen(tmp_path, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert without[:2] == [[1, 0, 2], ["blå/ö.jpg", "rød/a.jpg", "z/b.jpg"]]
    assert without == seen(tmp_path, {"PYTHONUTF8": "1"})


@pytest.mark.parametrize("name", ["blå", "a", "\udcff", "a/\udce5.jpg"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert decoded_name(name) == name
