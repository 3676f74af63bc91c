"""The tables and columns of the export, with what each means. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["VARCHAR", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMP", "DECIMAL(24,4)"]
MONEY: Type = "DECIMAL(24,4)"
"""15 digits and the four decimal places the finest ISO 4217 currency has, with room to add up."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a Parquet file."""

    name: str
    type: Type
    meaning: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One Parquet file."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns in their order."""
        return tuple(column.name for column in self.columns)


def _c(name: str, meaning: str, kind: Type = "VARCHAR") -> Column:
    return Column(name, kind, meaning)


_MONEY = (
    _c("currency", "ISO 4217; empty where it is about no money"),
    _c("amount_minor", "minor units of the currency, exact", "BIGINT"),
    _c("amount", "the same in the major unit, exact; empty without a currency", MONEY),
)
SHEETS: tuple[Sheet, ...] = (
    Sheet(
        "transactions",
        "Everything that was accepted, once each, with the document's dimensions and where it stands",
        (
            _c("transaction_id", "T and its number in order of acceptance"),
            _c("correlation_id", "the business process it belongs to"),
            _c("kind", "kind of document"),
            _c("document_id", "the document's id; empty where it could not be read"),
            _c("verb", "what happened to it"),
            _c("source", "where it came from"),
            _c("client", "who sent it"),
            _c("state", "held, parked, queued, in_flight, in_doubt, posted, refused, dead"),
            _c("authority", "the ERP that has it or is to have it"),
            _c("legal_entity", "whose books"),
            _c("region", "region of the entity"),
            _c("business_unit", "business unit"),
            _c("accounting_date", "the day it belongs to in the books", "DATE"),
            _c("accepted_at", "when it was accepted", "TIMESTAMP"),
            _c("posted_at", "when its ERP had it", "TIMESTAMP"),
            *_MONEY,
            _c("customer_id", "customer"),
            _c("contract_id", "contract"),
            _c("project_id", "project; of a project itself, its own id"),
            _c("resource_id", "person"),
            _c("invoice_id", "the invoice it is about"),
            _c("department", "department"),
            _c("practice", "practice"),
            _c("service_line", "service line"),
            _c("cost_center", "cost centre"),
            _c("role", "role of the person"),
            _c("category", "category of an expense"),
            _c("minutes", "exact minutes of work", "BIGINT"),
            _c("billable", "whether the customer pays for it", "BOOLEAN"),
            _c("adjusts", "the document it corrects"),
            _c("part_of", "the document of the source it is a part of"),
            _c("problem_code", "type of the problem it was parked with"),
            _c("problem", "the problem in words"),
        ),
    ),
    Sheet(
        "decisions",
        "Every routing decision, the first and each one made again",
        (
            _c("transaction_id", "the transaction"),
            _c("n", "counts from 1; the highest is in force", "BIGINT"),
            _c("at", "when", "TIMESTAMP"),
            _c("rule", "id of the rule, or default, pin, lineage, unroutable"),
            _c("table_version", "version of the route table", "BIGINT"),
            _c("authority", "the ERP it goes to; empty: parked"),
            _c("shadow", "the ERP that gets it too in the dual run"),
            _c("hold", "a rule says wait", "BOOLEAN"),
            _c("epoch", "routing epoch of the entity", "BIGINT"),
            _c("why", "one sentence"),
        ),
    ),
    Sheet(
        "deliveries",
        "The work for each system a transaction goes to",
        (
            _c("job_id", "number of the delivery", "BIGINT"),
            _c("transaction_id", "the transaction"),
            _c("target", "the system"),
            _c("role", "authority, shadow or feedback"),
            _c("operation", "create, cancel or feedback"),
            _c("kind", "kind of document"),
            _c("external_id", "the id it has there from us"),
            _c("legal_entity", "whose books"),
            _c("lane", "what it is ordered by"),
            _c("state", "queued, in_flight, in_doubt, posted, refused, dead, held"),
            _c("attempts", "tries that count", "BIGINT"),
            _c("waiting_since", "accepted or last released", "TIMESTAMP"),
            _c("settled_at", "when it was settled", "TIMESTAMP"),
            _c("code", "what the system said last"),
            _c("why", "in words"),
        ),
    ),
    Sheet(
        "attempts",
        "Every try of a delivery",
        (
            _c("job_id", "the delivery", "BIGINT"),
            _c("token", "fencing token of the lease", "BIGINT"),
            _c("purpose", "send, or look up"),
            _c("worker", "who tried"),
            _c("claimed_at", "when it began", "TIMESTAMP"),
            _c("settled_at", "when it ended", "TIMESTAMP"),
            _c("event", "how it ended"),
            _c("code", "code of the answer"),
            _c("why", "the answer in words"),
        ),
    ),
    Sheet(
        "breaks",
        "Differences the dual run found between the ERPs",
        (
            _c("run_id", "the comparison"),
            _c("at", "when", "TIMESTAMP"),
            _c("class", "what differs"),
            _c("kind", "kind of document"),
            _c("document_id", "the document"),
            _c("legal_entity", "whose books"),
            _c("project_id", "the project"),
            _c("column", "the column that differs"),
            _c("legacy", "what the legacy ERP has"),
            _c("cloud", "what the cloud ERP has"),
            *_MONEY,
            _c("cause", "why they differ"),
            _c("evidence", "what shows it"),
        ),
    ),
    Sheet(
        "events",
        "Business events in the order of the journal (see /v1/events/catalogue)",
        (
            _c("event_id", "sorts in the order of the journal"),
            _c("name", "which event"),
            _c("at", "when", "TIMESTAMP"),
            _c("subject", "what it is about"),
            _c("correlation_id", "the business process"),
            _c("legal_entity", "whose books"),
            *_MONEY,
            _c("data", "all of its data, as JSON"),
        ),
    ),
    Sheet(
        "exceptions",
        "What waits for a person now (see /v1/exceptions/catalogue)",
        (
            _c("exception_id", "its id"),
            _c("type", "its type"),
            _c("class", "technical or business"),
            _c("queue", "whose it is"),
            _c("severity", "low, medium, high, critical"),
            _c("case", "open, assigned, resolved"),
            _c("assigned_to", "to whom"),
            _c("transaction_id", "the transaction"),
            _c("kind", "kind of document"),
            _c("document_id", "the document"),
            _c("legal_entity", "whose books"),
            _c("state", "parked, refused, dead, conflict or break"),
            _c("since", "when it came to wait", "TIMESTAMP"),
            _c("due_at", "when somebody should have acted", "TIMESTAMP"),
            _c("over_sla", "past that", "BOOLEAN"),
            *_MONEY,
            _c("why", "in words"),
        ),
    ),
)
