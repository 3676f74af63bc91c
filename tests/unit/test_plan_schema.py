"""The published schema of a plan is the model's, and takes exactly what the program takes."""

from __future__ import annotations

from importlib import resources
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from cutover.plan.published import NAME, plan_schema
from cutover.plan.reading import built_in_plans, plan_file


def plain(value: Any) -> Any:
    """A YAML value as JSON has it: instants as text."""
    return orjson.loads(orjson.dumps(value))


def test_the_published_file_is_the_models_schema() -> None:
    """`coexist schema plan > fixtures/schemas/plan-v1.json` after a change of the model."""
    published = orjson.loads(resources.files("fixtures").joinpath(NAME).read_bytes())
    assert published == plain(plan_schema())


@pytest.mark.parametrize("name", built_in_plans())
def test_every_plan_that_comes_with_the_program_is_valid_and_names_it(name: str) -> None:
    """An editor that knows the schema finds nothing wrong with them."""
    file = plan_file(name)
    assert file.text.startswith("# yaml-language-server: $schema=../schemas/plan-v1.json\n")
    assert [
        error.message for error in Draft202012Validator(plan_schema()).iter_errors(plain(file.data))
    ] == []


def test_the_schema_refuses_what_the_program_refuses() -> None:
    """A kind of step there is not, a negative duration, a field nobody knows, one of another kind."""
    check = Draft202012Validator(plan_schema())
    data = plain(plan_file("pilot").data)
    for change in ({"kind": "dance"}, {"planned_minutes": -1}, {"surprise": 1}, {"reverse": True}):
        steps = [data["steps"][0] | change, *data["steps"][1:]]
        assert not check.is_valid(data | {"steps": steps}), change


def test_fields_are_described() -> None:
    """What hovers over a field in an editor is its docstring."""
    step = plan_schema()["$defs"]["Step"]["properties"]
    assert step["reverse"]["description"].startswith("`switch`: keep the old ERP as a shadow")
