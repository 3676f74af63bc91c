"""The JSON Schema of a plan, so that an editor completes and checks it while it is written.

`fixtures/schemas/plan-v1.json` is this schema; plans point at it in their first line.
"""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import Any

from cutover.plan import durations, model, steps

NAME = "schemas/plan-v1.json"


def plan_schema() -> dict[str, Any]:
    """The schema with the fields' docstrings as descriptions."""
    shape = model.Plan.model_json_schema(by_alias=True)
    told = {name: text for module in (durations, steps, model) for name, text in docstrings(module).items()}
    for name, one in [("Plan", shape), *shape.get("$defs", {}).items()]:
        for field, node in one.get("properties", {}).items():
            text = told.get((name, _ALIASES.get(field, field)))
            if text and "description" not in node:
                node["description"] = text
    del shape["properties"]["business_units"]  # filled when a plan is read; no file gives it
    shape["$defs"]["Step"]["allOf"] = [_only_for(field, kinds) for field, kinds in steps.ONLY_FOR.items()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:coexist:schema:plan:v1",
        **shape,
    }


def _only_for(field: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    """A field that only some kinds of step have, as reading refuses it for the others."""
    return {"if": {"required": [field]}, "then": {"properties": {"kind": {"enum": list(kinds)}}}}


_ALIASES = {"from": "source", "to": "target"}


def docstrings(module: ModuleType) -> dict[tuple[str, str], str]:
    """(class, attribute) → the string that stands under it in the source."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(before.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                found[(node.name, before.target.id)] = " ".join(after.value.value.split())
    return found
