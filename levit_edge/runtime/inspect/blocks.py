"""Which part of a LeViT each operator of an ONNX file belongs to, by how the file is connected.

The files do not name the modules that their operators come from. But the residual stream cuts a LeViT into its blocks:
every one but a shrinking attention ends in an addition of the stream and what was made of it, and every shrinking
attention stands between two that do (see `levit_edge.model.deploy`). An operator belongs to the first block whose end
cannot be computed without it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Self

from levit_edge.device.protobuf import fields
from levit_edge.model.config import LevitConfig

__all__ = ["Blocks", "block_names"]

STEM, HEAD = "stem", "head"
ATTENTION, MLP = "attention", "MLP"
GRAPH = 7
NODE, GRAPH_INPUT = 1, 11
INPUT, OUTPUT, NAME, OP_TYPE = 1, 2, 3, 4
VALUE_NAME = 1
"""Numbers of fields in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""
QUANTIZATION = frozenset({"QuantizeLinear", "DequantizeLinear"})
BEFORE_OTHERS = frozenset(
    {"Cast", "DynamicQuantizeLinear", "Gather", "QuantizeLinear", "ReorderInput", "Reshape", "Transpose"}
)
"""Operators that a runtime inserts for the one that follows."""


@dataclass(frozen=True, kw_only=True)
class _Node:
    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The block of each operator and each tensor of a file, by its name."""

    by_name: dict[str, str]

    @classmethod
    def of(cls, model: bytes, config: LevitConfig) -> Self | None:
        """Those of an ONNX file; None if it is not built as a LeViT of that size is."""
        try:
            nodes, inputs = _graph(model)
            found = _placed(nodes, inputs, config)
        except (ValueError, LookupError, TypeError):
            return None
        if found is None:
            return None
        pairs = [(name, block) for node, block in zip(nodes, found, strict=True) for name in (*node.outputs, node.name)]
        return cls(by_name=dict(pairs))

    def of_executed(self, executed: Sequence[tuple[str, str]]) -> list[str]:
        """The block of each operator that a runtime executed, (name, operator) in turn.

        Runtimes name an operator that they made of others after one of them, or its result. One that they inserted
        lies in the block of its neighbours; between two blocks, in the second if it prepares what follows.
        """
        known = [self._named(name) for name, _ in executed]
        before = _filled(known)
        after = _filled(known[::-1])[::-1]
        return [
            after[place] if (operator in BEFORE_OTHERS and after[place]) or not before[place] else before[place]
            for place, (_, operator) in enumerate(executed)
        ]

    def _named(self, name: str) -> str:
        """The block of the longest name of the file that stands in `name`; empty if none does."""
        words = re.split(r"(?<=[^0-9A-Za-z])|(?=[^0-9A-Za-z])", name)
        parts = {"".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)}
        return self.by_name.get(max(parts & self.by_name.keys(), key=len, default=""), "")


def block_names(config: LevitConfig) -> list[str]:
    """What the blocks of a network are called, in the order in which they compute."""
    names = [STEM]
    for stage, depth in enumerate(config.depths, start=1):
        attention, mlp = f"stage {stage} {ATTENTION}", f"stage {stage} {MLP}"
        names += ([f"shrinking {ATTENTION} {stage - 1}", mlp] if stage > 1 else []) + [attention, mlp] * depth
    return [*names, HEAD]


def _placed(nodes: Sequence[_Node], inputs: Sequence[str], config: LevitConfig) -> list[str] | None:
    producer = {name: place for place, node in enumerate(nodes) for name in node.outputs}
    needs = _needs(nodes, producer)
    variable = _variable(nodes, inputs)
    additions = list(_residual_additions(nodes, producer, needs, variable))
    *names, _ = block_names(config)
    residual = [name for name in names if name != STEM and not name.startswith("shrinking")]
    if len(additions) != len(residual):
        return None
    ends, left = [(STEM, additions[0][0])], iter(additions)
    upcoming = next(left)
    for name in names[1:]:
        if name.startswith("shrinking"):
            ends.append((name, upcoming[0]))
        else:
            ends.append((name, upcoming[1]))
            upcoming = next(left, upcoming)
    return [
        next((name for name, end in ends if needs[end] >> place & 1), HEAD)
        for place in range(len(nodes))
    ]  # fmt: skip


def _residual_additions(
    nodes: Sequence[_Node], producer: dict[str, int], needs: Sequence[int], variable: set[str]
) -> Iterator[tuple[int, int]]:
    """The producer of the stream that an addition adds to, and the addition."""
    for place, node in enumerate(nodes):
        if node.operator == "Add" and variable.issuperset(node.inputs):
            first, second = (_origin(name, nodes, producer) for name in node.inputs)
            if first is None or second is None:
                continue
            if needs[second] >> first & 1:
                yield first, place
            elif needs[first] >> second & 1:
                yield second, place


def _origin(name: str, nodes: Sequence[_Node], producer: dict[str, int]) -> int | None:
    """What made a tensor, before it was quantized."""
    while (place := producer.get(name)) is not None and nodes[place].operator in QUANTIZATION:
        name = nodes[place].inputs[0]
    return place


def _needs(nodes: Sequence[_Node], producer: dict[str, int]) -> list[int]:
    """For each node the set of those that it needs, and itself, one bit each. Nodes stand behind those they need."""
    needs: list[int] = []
    for place, node in enumerate(nodes):
        earlier = [producer[name] for name in node.inputs if name in producer]
        if any(each >= place for each in earlier):
            raise ValueError("not in topological order")
        needs.append(reduce(or_, (needs[each] for each in earlier), 1 << place))
    return needs


def _variable(nodes: Sequence[_Node], inputs: Sequence[str]) -> set[str]:
    """The tensors that depend on the image."""
    found = set(inputs)
    for node in nodes:
        if not found.isdisjoint(node.inputs):
            found.update(node.outputs)
    return found


def _filled(known: Sequence[str]) -> list[str]:
    """Each that is empty is the one before it."""
    filled, last = [], ""
    for each in known:
        last = each or last
        filled.append(last)
    return filled


def _graph(model: bytes) -> tuple[list[_Node], list[str]]:
    (graph,) = (value for number, value in fields(memoryview(model)) if number == GRAPH)
    parts = list(fields(graph))
    values = [_texts(part, VALUE_NAME)[0] for number, part in parts if number == GRAPH_INPUT]
    return [_node(part) for number, part in parts if number == NODE], values


def _node(part: Any) -> _Node:
    name, operator = (next(iter(_texts(part, number)), "") for number in (NAME, OP_TYPE))
    return _Node(name=name, operator=operator, inputs=_texts(part, INPUT), outputs=_texts(part, OUTPUT))


def _texts(part: Any, wanted: int) -> tuple[str, ...]:
    return tuple(bytes(value).decode() for number, value in fields(part) if number == wanted)
