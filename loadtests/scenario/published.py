"""The JSON Schema of a load scenario, so that an editor completes and checks it while it is written.

`fixtures/schemas/load-scenario-v1.json` is this schema; scenarios point at it in their first line.
"""

from __future__ import annotations

from typing import Any

from cutover.plan.published import docstrings
from loadtests.scenario import model

NAME = "schemas/load-scenario-v1.json"


def scenario_schema() -> dict[str, Any]:
    """The schema with the fields' docstrings as descriptions."""
    shape = model.Scenario.model_json_schema()
    told = docstrings(model)
    for name, one in [("Scenario", shape), *shape.get("$defs", {}).items()]:
        for field, node in one.get("properties", {}).items():
            text = told.get((name, field))
            if text and "description" not in node:
                node["description"] = text
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:coexist:schema:load-scenario:v1",
        **shape,
    }
