"""The comparison policy: which columns of which kind are compared, and what may be ignored, why, how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from router.canonical.reference import Reference
from router.configfile import ConfigFile

ColumnType = Literal["money", "status", "dimension", "date", "text", "count"]


class Column(Reference):
    """How one column is compared."""

    type: ColumnType
    tolerance_minor: Annotated[int, Field(ge=0)] = 0
    map: Mapping[str, str] = {}
    """Words of either side to the common word, for `status` and `dimension`."""
    ignore: bool = False
    reason: str = ""
    owner: str = ""
    expires: date | None = None

    @model_validator(mode="after")
    def _ignored_for_a_reason(self) -> Column:
        if self.ignore and not (self.reason and self.owner and self.expires):
            msg = "an ignored column needs reason, owner and expires"
            raise ValueError(msg)
        if self.ignore and self.type == "money":
            msg = "a money column can't be ignored; give it a tolerance_minor"
            raise ValueError(msg)
        return self


class KindPolicy(Reference):
    """The compared columns of one kind of document."""

    columns: Annotated[Mapping[str, Column], Field(min_length=1)]


class Policy(Reference):
    """The whole policy of a live dual run, by kind."""

    kinds: Annotated[Mapping[str, KindPolicy], Field(min_length=1)]


def as_policy(file: ConfigFile) -> Policy:
    """A policy from a parsed file; raises BadConfig naming file, place and mend."""
    return file.as_model(Policy)
