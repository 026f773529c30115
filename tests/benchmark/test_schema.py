import json

from levit_edge.documents import to_json
from scripts.bench_schema import SCHEMA_FILE, measurement_schema
from tests.board.example import MEASUREMENT


def test_the_schema_in_docs_is_that_of_the_dataclasses() -> None:
    found = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert found == measurement_schema(), "run `python scripts/bench_schema.py`"


def test_it_names_every_field_and_refuses_others() -> None:
    schema = measurement_schema()
    assert set(schema["properties"]) == set(to_json(MEASUREMENT))
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["Device"]["properties"]) == set(to_json(MEASUREMENT.device))
    assert schema["properties"]["target"]["description"]
