"""The demo's training, made short: the same seed gives the same bytes, in another process, too."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from levit_edge import demo
from levit_edge.model.checkpoint import read_checkpoint

pytestmark = pytest.mark.release
ROOT = Path(__file__).parents[2]
TRAIN = """
import sys
from pathlib import Path
from scripts.train_demo import train_from_seed
for seed in map(int, sys.argv[3:]):
    train_from_seed(Path(sys.argv[1]), Path(sys.argv[2], f"{seed}.safetensors"), epochs=2, seed=seed, threads=1)
"""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the embedded photographs of each class: 70 make one batch."""
    root = tmp_path_factory.mktemp("clothing")
    for split, source, count in (("train", demo.calibration_dir(), 7), ("validation", demo.evaluation_dir(), 1)):
        for folder in source.iterdir():
            (root / split / folder.name).mkdir(parents=True)
            for path in sorted(folder.iterdir())[:count]:
                shutil.copy(path, root / split / folder.name)
    return root


def trained(photographs: Path, output: Path, *seeds: int) -> list[str]:
    """The SHA-256 of the weights of each seed, trained one after the other in a process of their own."""
    output.mkdir()
    command = [sys.executable, "-c", TRAIN, photographs, output, *seeds]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch 2/2") == len(seeds)
    return [hashlib.sha256((output / f"{seed}.safetensors").read_bytes()).hexdigest() for seed in seeds]


def test_a_seed_gives_the_same_weights_again(photographs: Path, tmp_path: Path) -> None:
    one, zero = trained(photographs, tmp_path / "first", 1, 0)
    assert one != zero
    assert trained(photographs, tmp_path / "again", 0) == [zero]
    again = read_checkpoint(tmp_path / "again" / "0.safetensors")
    assert again.labels == read_checkpoint(demo.checkpoint_path()).labels
