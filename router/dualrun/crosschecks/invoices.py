"""Posted invoices less credit memos against what the CRM shows, by project and by customer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from router.connectors.port import Record, ShownTotal
from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What the journal knows of a posted invoice or credit memo."""

    project_id: str
    authority: str
    """Empty: nobody knows; then every ERP counts."""


@dataclass(slots=True)
class _Project:
    entity: str = ""
    customer: str = ""
    left: int = 0
    right: int = 0
    shadow: int | None = None
    documents: list[Item] = field(default_factory=list)


def invoices(
    *,
    held: Iterable[Record],
    shown: Iterable[ShownTotal],
    known: Mapping[str, Billing],
    on_its_way: Mapping[str, str],
    told: frozenset[str],
    period: str,
) -> Check:
    """The check of all that was ever invoiced.

    `held`: invoices and credit memos of all ERPs. `on_its_way`: project → state of feedback that the CRM does
    not have yet. `told`: projects that any feedback of an invoice was made of.
    """
    projects: dict[tuple[str, str], _Project] = {}
    for one in shown:
        found = projects.setdefault((one.project_id, one.currency), _Project())
        found.customer = one.customer_id
        found.right += one.total_minor or 0
    codes = {project for project, _ in projects}
    elsewhere: set[str] = set()
    for record in held:
        billing = known.get(record.external_id)
        project = billing.project_id if billing is not None else record.project_id
        if project not in codes:
            elsewhere.add(project)
            continue
        if record.status in ("cancelled", "reversed") or record.total_minor is None:
            continue
        found = projects.setdefault((project, record.currency), _Project())
        minor = abs(record.total_minor) * (-1 if record.kind == "credit_memo" else 1)
        if billing is not None and billing.authority not in ("", record.system):
            found.shadow = (found.shadow or 0) + minor
            continue
        found.left += minor
        found.entity = record.legal_entity
        name = record.external_id or record.number or record.vendor_id
        found.documents.append(Item(document_id=name, left=minor, right=0))
    groups: list[Group] = []
    customers: dict[tuple[str, str], list[Group]] = {}
    for (project, currency), found in sorted(projects.items()):
        group = _group(project, currency, found, on_its_way, told)
        groups.append(group)
        customers.setdefault((found.customer, currency), []).append(group)
    by_customer = [_customer(name, currency, found) for (name, currency), found in sorted(customers.items())]
    return Check(
        name="invoices",
        kind="invoice",
        what="cross_check",
        column="invoiced_total",
        left_name="posted in the ERPs, less credit memos",
        right_name="shown in the CRM",
        period=period,
        groups=tuple(groups),
        facts={
            "projects_not_in_the_crm": len(elsewhere),
            "customers": by_customer,
            "customers_apart": sum(row["left"] != row["right"] for row in by_customer),
        },
    )


def _group(
    project: str, currency: str, found: _Project, on_its_way: Mapping[str, str], told: frozenset[str]
) -> Group:
    items: tuple[Item, ...] = ()
    if found.left != found.right:
        cause, code, why = _why(project, found, on_its_way, told)
        named = ", ".join(one.document_id for one in found.documents[-5:])
        items = (
            Item(
                document_id=named,
                left=found.left,
                right=found.right,
                cause=cause,
                code=code,
                why=why,
            ),
        )
    return Group(
        key={"project_id": project, "customer_id": found.customer, "currency": currency},
        legal_entity=found.entity,
        currency=currency,
        left=found.left,
        right=found.right,
        shadow=found.shadow,
        items=items,
    )


def _why(
    project: str, found: _Project, on_its_way: Mapping[str, str], told: frozenset[str]
) -> tuple[Cause, str, str]:
    state = on_its_way.get(project, "")
    if state in ("queued", "in_flight", "held"):
        return "timing", "feedback-in-flight", "the CRM is being told"
    if state == "in_doubt":
        return "in_doubt", "feedback-in-doubt", "nobody knows yet whether the CRM was told"
    if state:
        return "refused", "feedback-refused", "the CRM did not take what it was told"
    if found.documents and project not in told:
        return "unexplained", "never-told", "the CRM was never told of an invoice of the project"
    return "unexplained", "totals-differ", "the CRM was told, and shows another total"


def _customer(name: str, currency: str, groups: Iterable[Group]) -> dict[str, str | int]:
    rows = list(groups)
    return {
        "customer_id": name,
        "currency": currency,
        "projects": len(rows),
        "left": rows[0].shown(sum(one.left for one in rows)),
        "right": rows[0].shown(sum(one.right for one in rows)),
    }
