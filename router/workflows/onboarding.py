"""The documents of initiate-project, pure: what a won opportunity means for ERP and PSA.

Ids are derived from the opportunity, so that a repeated sighting, a crash or a replay names the same
customer, contract and project again.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.canonical.masters import (
    Billing,
    Bills,
    Contract,
    ContractLine,
    Customer,
    Opportunity,
    Project,
)
from router.finance.tax import Sale, invoice_note, tax_code, with_note
from router.landscape import Landscape

_EXPENSES: tuple[Bills, str] = ("expenses", "Expenses")
_LINES: Mapping[Billing, tuple[tuple[Bills, str], ...]] = {
    "time_and_materials": (("time", "Professional services"), _EXPENSES),
    "fixed_fee": (("milestones", "Fixed fee"), _EXPENSES),
    "retainer": (("retainer", "Retainer"), ("time", "Overage"), _EXPENSES),
    "subscription": (("subscription", "Subscription"), _EXPENSES),
}
"""What a new contract of each sort bills; a retainer's or subscription's amount is the fee of one month."""


def project_code(opportunity: Opportunity, digest: str) -> str:
    """The project code: `P-<entity>-<8 characters>`, at most 16 characters for a legacy ERP."""
    return f"P-{opportunity.legal_entity}-{digest}"


def customer_of(opportunity: Opportunity) -> Customer:
    """The customer as the CRM knows it."""
    return Customer(
        kind="customer",
        document_id=opportunity.customer_id,
        legal_entity=opportunity.legal_entity,
        region=opportunity.region,
        business_unit=opportunity.business_unit,
        accounting_date=opportunity.accounting_date,
        name=opportunity.customer_name,
        currency=opportunity.currency,
        country=opportunity.country,
    )


def contract_of(
    opportunity: Opportunity,
    code: str,
    landscape: Landscape,
    rate_card_id: str | None,
    *,
    registered: bool = False,
) -> Contract:
    """The contract: hours under the entity's rate card, milestones up to the amount, or the amount a month.

    `registered`: the customer has a tax registration. The tax code is that of its jurisdiction; where
    the customer owes the tax, the lines say so.
    """
    entity = landscape.legal_entities[opportunity.legal_entity]
    sale = Sale(
        seller=entity.country,
        buyer=opportunity.country,
        registered=registered,
        on=opportunity.accounting_date,
    )
    code_of_sale, _ = tax_code(landscape.tax_rules, sale, entity.tax_code)
    note = invoice_note(code_of_sale, landscape.tax_codes)
    service_line = landscape.dimensions.service_lines[0]
    lines = tuple(
        ContractLine(
            line=at,
            bills=bills,
            description=with_note(text, note),
            tax_code=code_of_sale,
            service_line=service_line,
            fee=opportunity.amount if bills in ("milestones", "retainer", "subscription") else None,
        )
        for at, (bills, text) in enumerate(_LINES[opportunity.billing], start=1)
    )
    return Contract(
        kind="contract",
        document_id="K" + code[1:],
        legal_entity=opportunity.legal_entity,
        region=opportunity.region,
        business_unit=opportunity.business_unit,
        accounting_date=opportunity.accounting_date,
        customer_id=opportunity.customer_id,
        currency=opportunity.currency,
        billing=opportunity.billing,
        rate_card_id=None if opportunity.billing == "fixed_fee" else rate_card_id,
        starts=opportunity.close_date,
        lines=lines,
    )


def project_of(opportunity: Opportunity, code: str, landscape: Landscape) -> Project:
    """The project with its financial dimensions: the first of each, until a template says otherwise."""
    dimensions = landscape.dimensions
    return Project(
        kind="project",
        document_id=code,
        legal_entity=opportunity.legal_entity,
        region=opportunity.region,
        business_unit=opportunity.business_unit,
        accounting_date=opportunity.accounting_date,
        customer_id=opportunity.customer_id,
        contract_id="K" + code[1:],
        name=opportunity.name,
        currency=opportunity.currency,
        starts=opportunity.close_date,
        department=dimensions.departments[0],
        practice=dimensions.practices[0],
        service_line=dimensions.service_lines[0],
        cost_center=f"CC-{opportunity.legal_entity}",
        template=opportunity.template,
    )
