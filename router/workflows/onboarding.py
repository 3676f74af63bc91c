"""The documents of initiate-project, pure: what a won opportunity means for ERP and PSA.

Ids are derived from the opportunity, so that a repeated sighting, a crash or a replay names the same
customer, contract and project again.
"""

from __future__ import annotations

from router.canonical.masters import Contract, ContractLine, Customer, Opportunity, Project
from router.landscape import Landscape


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
    opportunity: Opportunity, code: str, landscape: Landscape, rate_card_id: str | None
) -> Contract:
    """The contract: time and expenses under the entity's rate card, or milestones up to the amount."""
    tax_code = landscape.legal_entities[opportunity.legal_entity].tax_code
    service_line = landscape.dimensions.service_lines[0]
    fixed = opportunity.billing == "fixed_fee"
    first = ContractLine(
        line=1,
        bills="milestones" if fixed else "time",
        description="Fixed fee" if fixed else "Professional services",
        tax_code=tax_code,
        service_line=service_line,
        fee=opportunity.amount if fixed else None,
    )
    expenses = ContractLine(
        line=2, bills="expenses", description="Expenses", tax_code=tax_code, service_line=service_line
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
        rate_card_id=None if fixed else rate_card_id,
        starts=opportunity.close_date,
        lines=(first, expenses),
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
