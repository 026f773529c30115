"""What a reader of files is to the fuzzer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fuzz.mutate_bytes import Mutation

__all__ = ["Reader", "written"]

MOST_MUTATIONS = 4


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One reader: valid files, how to break them, and what reads them."""

    name: str
    seeds: Sequence[bytes]
    mutations: Sequence[Mutation]
    read: Callable[[bytes, Path], object]
    """Reads an input; it may write into the folder, which is also the working directory."""
    native: bool = False
    """It is a runtime's own loader: levit-edge has it in a process of its own, and so has the fuzzer, one for each
    input. That this process crashes or runs out of its limits is expected, and counted."""
    programs: bool = False
    """It starts a program on purpose."""

    def input(self, seed: int, index: int) -> bytes:
        """The input of that number: always the same for the same seeds."""
        chance = Random(f"{self.name} {seed} {index}")
        data = chance.choice(self.seeds)
        for _ in range(chance.choice((1, 1, 1, 2, MOST_MUTATIONS))):
            data = chance.choice(self.mutations)(chance, data, self.seeds)
        return data


def written(folder: Path, name: str, data: bytes) -> Path:
    """The file `name` in `folder`, which holds `data` now."""
    path = folder / name
    path.write_bytes(data)
    return path
