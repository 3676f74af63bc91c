"""The JSON Schemas of every version of every kind that was ever published.

The newest is made of the model; an older one is the file it was published as, since its model is gone
and its upcaster (`router.canonical.upcast`) is all that is left of it.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import orjson

from router.canonical.kinds import Kind, model_of
from router.errors import NotFound


def schema_of(kind: Kind, version: int) -> dict[str, Any]:
    """The published JSON Schema of a kind and version; raises BadInput for the kind, NotFound for the version."""
    model = model_of(kind)
    if not 1 <= version <= model.version:
        raise NotFound(f"there is no schema of {kind} v{version}", mend=f"the newest is v{model.version}")
    if version == model.version:
        shape = model.model_json_schema()
    else:
        shape = orjson.loads(
            resources.files("fixtures").joinpath(f"schemas/{kind}-v{version}.json").read_bytes()
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:coexist:schema:{kind}:v{version}",
        **shape,
    }
