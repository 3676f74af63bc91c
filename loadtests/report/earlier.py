"""Reads the report of an earlier run. What does not have its shape is refused by name, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadtests.report.data import SCHEMA
from loadtests.running.run import REPORT
from router.errors import BadInput

BYTES_MAX = 32 * 1024 * 1024
_MEND = "give the folder of an earlier `coexist load --out`"


class _Figure(BaseModel):
    model_config = ConfigDict(extra="ignore")

    key: str = Field(max_length=200)
    name: str = Field(max_length=200)
    group: str = Field(max_length=100)
    unit: str = Field(max_length=20)
    value: float | None = Field(allow_inf_nan=False)
    worse: str = Field("", max_length=10)


class _Earlier(BaseModel):
    """The parts of a report a comparison needs."""

    model_config = ConfigDict(extra="ignore")

    schema_: str = Field(alias="schema")
    verdict: str = Field(max_length=20)
    at: str | None = Field(None, max_length=60)
    run: dict[str, Any]
    circumstances: dict[str, Any] = Field(default_factory=dict)
    figures: list[_Figure] = Field(max_length=5_000)


def read_earlier(place: Path) -> Mapping[str, Any]:
    """The report of a run's folder (or the file itself); raises BadInput naming the file."""
    file = place / REPORT if place.is_dir() else place
    try:
        if file.stat().st_size > BYTES_MAX:
            raise BadInput(f"{file}: {file.stat().st_size:,} bytes are no report of a load run", mend=_MEND)
        told = orjson.loads(file.read_bytes())
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror or 'it cannot be read'}", mend=_MEND) from error
    except ValueError as error:
        raise BadInput(f"{file}: it is no JSON ({error})", mend=_MEND) from error
    try:
        read = _Earlier.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole file"
        raise BadInput(
            f"{file}: it is no report of a load run: {where}: {first['msg'].lower()}", mend=_MEND
        ) from error
    if read.schema_ != SCHEMA:
        raise BadInput(f"{file}: its schema is {read.schema_[:60]!r}, not {SCHEMA!r}", mend=_MEND)
    return read.model_dump(by_alias=True)
