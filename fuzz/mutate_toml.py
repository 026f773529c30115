"""Mutations of TOML documents."""

from collections.abc import Sequence
from random import Random

from fuzz.mutate_bytes import Mutation

__all__ = ["changed_line"]


def changed_line(tokens: Sequence[str]) -> Mutation:
    """A line more, one of `tokens` or of the document's own, and often one less."""

    def mutate(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        lines = data.decode("utf-8", "replace").splitlines()
        lines.insert(chance.randrange(len(lines) + 1), chance.choice((*tokens, *lines)))
        if chance.random() < 0.5:
            del lines[chance.randrange(len(lines))]
        return "\n".join(lines).encode()

    return mutate
