"""The registry of kinds, and the one way from untrusted data to a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from router.canonical import billing, ledger, masters, work
from router.canonical.documents import Document
from router.canonical.upcast import upcast
from router.errors import BadInput

Kind = str
_MODELS: tuple[type[Document], ...] = (
    masters.Customer, masters.Contact, masters.Opportunity, masters.Contract, masters.RateCard,
    masters.Project, masters.Task, masters.Resource, masters.Assignment,
    work.TimeEntry, work.ExpenseItem, work.Milestone, work.Charge, work.ChangeOrder,
    billing.BillingEvent, billing.Invoice, billing.CreditMemo, billing.Payment, billing.WriteOff,
    billing.RevenueSchedule, ledger.JournalEntry,
)  # fmt: skip
KINDS: dict[Kind, type[Document]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in _MODELS
}
"""Every kind of document by name, in the order of the path."""


def model_of(kind: Kind) -> type[Document]:
    """The model of a kind; raises BadInput with the known kinds for an unknown one."""
    found = KINDS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise BadInput(f"unknown kind {str(kind)[:40]!r}", mend="use one of " + ", ".join(KINDS))
    return found


def parse(data: Any, version: int | None = None) -> Document:
    """A document from decoded JSON of a version (None: the newest); raises BadInput naming every wrong field."""
    if not isinstance(data, Mapping):
        raise BadInput("the document is not a JSON object")
    model = model_of(data.get("kind", ""))
    if version is not None and version != model.version:
        data = upcast(data["kind"], version, data, newest=model.version)
    try:
        # `model_validate` without its options, at nine tenths of its price.
        document: Document = model.__pydantic_validator__.validate_python(data)
    except ValidationError as error:
        raise BadInput(describe(error), mend=f"see the schema of {data['kind']}") from error
    return document


def describe(error: ValidationError, most: int = 20) -> str:
    """A pydantic error as one line: each wrong field with what is wrong, values never repeated whole."""
    rows = [
        (".".join(str(part) for part in row["loc"]) + ": " if row["loc"] else "") + row["msg"]
        for row in error.errors(include_url=False, include_input=False, include_context=False)[:most]
    ]
    more = error.error_count() - len(rows)
    return "; ".join(rows) + (f"; and {more} more" if more > 0 else "")
