"""What stands where: entities, reference data, and the systems with their roles and budgets.

A landscape is one YAML file, read once and passed down. Secrets in it are references
(`env:NAME` or `file:PATH`), never values; `secret` resolves one at the moment it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from router.canonical.documents import Code, Currency
from router.canonical.reference import (
    Dimensions,
    ExpenseLimit,
    FiscalCalendar,
    FxRate,
    Intercompany,
    LegalEntity,
    Reference,
    TaxCode,
    TaxRule,
)
from router.configfile import ConfigFile, load, loads
from router.errors import BadConfig
from router.model import SystemId

Vendor = Literal["salesforce", "kantata", "netsuite", "sap_ecc", "worker_feed"]


class Budget(Reference):
    """What may be asked of a system at once, shared by all workers."""

    concurrency: Annotated[int, Field(ge=1, le=1000)] = 4
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    bulk: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Documents in one call; None: the connector's own limit."""


class Personality(Reference):
    """How a simulated ERP behaves where real ones differ; the router never reads it."""

    rounding: Literal["line", "document"] = "line"
    tax: Literal["line", "document"] = "line"
    mode: Literal["half_up", "half_even"] = "half_up"
    hours: Literal["minutes", "hundredths"] = "minutes"
    time_zone: str = "UTC"
    fx: Literal["spot", "average"] = "spot"
    """Which of the firm's rates it translates by where a document brings none."""


class System(Reference):
    """One CRM, PSA, HCM or ERP."""

    vendor: Vendor
    role: Literal["crm", "psa", "hcm", "erp"]
    base_url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._/\-]*)?$")]
    credentials: Mapping[str, Annotated[str, Field(pattern=r"^(env|file):.+$")]] = {}
    options: Mapping[str, str] = {}
    """Vendor settings that are no secrets: account, client, file drop URL, API version."""
    budget: Budget = Budget()
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 30
    personality: Personality = Personality()
    mapping: str | None = None
    """The file of its mapping (codes and field names); None: the vendor's own, `fixtures/mappings/<vendor>.yaml`."""


class Landscape(Reference):
    """The whole of it."""

    legal_entities: Annotated[Mapping[Code, LegalEntity], Field(min_length=1)]
    business_units: Annotated[tuple[Code, ...], Field(min_length=1)]
    calendars: Mapping[str, FiscalCalendar] = {"monthly": FiscalCalendar()}
    tax_codes: Mapping[Code, TaxCode] = {"T0": TaxCode(name="No tax", basis_points=0)}
    tax_rules: tuple[TaxRule, ...] = ()
    """First match wins; without a match a sale has the entity's own tax code."""
    group_currency: Currency | None = None
    """What the group reports in; None: no group figures."""
    fx_rates: tuple[FxRate, ...] = ()
    intercompany: Intercompany = Intercompany()
    expense_limits: Mapping[Code, ExpenseLimit] = {}
    """Expense policy by category; a category without an entry is billed as it is."""
    dimensions: Dimensions = Dimensions()
    ownership: str | None = None
    """The file that says who owns which attribute of a master; None: `fixtures/ownership/default.yaml`."""
    systems: Annotated[Mapping[SystemId, System], Field(min_length=1)]

    @model_validator(mode="after")
    def _refer_to_what_is_there(self) -> Landscape:
        for name, entity in self.legal_entities.items():
            if entity.calendar not in self.calendars:
                msg = f"legal_entities.{name}.calendar: there is no calendar {entity.calendar!r}"
                raise ValueError(msg)
            if entity.tax_code not in self.tax_codes:
                msg = f"legal_entities.{name}.tax_code: there is no tax code {entity.tax_code!r}"
                raise ValueError(msg)
        for at, rule in enumerate(self.tax_rules):
            if rule.tax_code not in self.tax_codes:
                msg = f"tax_rules.{at}.tax_code: there is no tax code {rule.tax_code!r}"
                raise ValueError(msg)
        return self

    @property
    def regions(self) -> tuple[str, ...]:
        """Every region an entity lies in, sorted."""
        return tuple(sorted({entity.region for entity in self.legal_entities.values()}))

    def of_role(self, role: str) -> tuple[SystemId, ...]:
        """Names of the systems of a role, in the file's order."""
        return tuple(name for name, system in self.systems.items() if system.role == role)

    def is_closed(self, entity: str, on: date) -> bool:
        """Whether a date lies in a closed period of an entity's books."""
        through = self.calendars[self.legal_entities[entity].calendar].closed_through
        return through is not None and on <= through


def read_landscape(path: Path | str | None = None) -> Landscape:
    """A landscape from a file, or the default one; raises BadConfig naming file, place and mend."""
    return as_landscape(load(path) if path is not None else default_file("landscapes/default.yaml"))


def as_landscape(file: ConfigFile) -> Landscape:
    """A landscape from a parsed file; an entity without currency is named with its line."""
    return file.as_model(Landscape)


def default_file(name: str) -> ConfigFile:
    """A file of the `fixtures` folder, which travels inside the wheel."""
    return loads(resources.files("fixtures").joinpath(name).read_bytes(), name=f"fixtures/{name}")


def secret(reference: str, *, environment: Mapping[str, str] | None = None) -> str:
    """The value behind `env:NAME` or `file:PATH`; raises BadConfig when there is none. Never log it."""
    how, _, where = reference.partition(":")
    if how == "env":
        value = (os.environ if environment is None else environment).get(where)
        if value is None:
            raise BadConfig(f"the environment has no {where}", file="landscape", mend=f"export {where}=…")
        return value
    try:
        return Path(where).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadConfig(f"secret file {where} can't be read: {error.strerror}", file="landscape") from error
