"""Write `docs/bench.schema.json`, the JSON schema of a measurement, from its dataclasses and their docstrings."""

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from levit_edge.benchmark import measurement as results

SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "bench.schema.json"
CONFIG = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class WithoutTitles(GenerateJsonSchema):
    """Titles would repeat the names of the fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002, D102
        return False


def measurement_schema() -> dict[str, Any]:
    """The schema; every object refuses unknown keys, as `levit_edge.documents.from_json` does."""
    for name in results.__all__:
        kind = getattr(results, name)
        if is_dataclass(kind):
            setattr(kind, "__pydantic_config__", CONFIG)  # noqa: B010 - mypy knows of no such attribute
    schema = TypeAdapter(results.Measurement).json_schema(schema_generator=WithoutTitles)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "description": results.__doc__}
    return head | {key: value for key, value in schema.items() if key != "description"}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(measurement_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
