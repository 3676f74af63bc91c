"""The firm in the CRM's words: accounts and opportunities with 18-character ids."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from simulators.core.money import decimal_text
from simulators.crm.salesforce.ids import make_id

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

WON = "Closed Won"
BILLING_TYPES = {
    "time_and_materials": "Time & Materials",
    "fixed_fee": "Fixed Fee",
    "retainer": "Retainer",
    "subscription": "Subscription",
}
"""The org's picklist."""
OPEN = "Negotiation/Review"
FIRST = 1_000_000
"""Seeded record numbers start here, away from those the CRM gives by itself."""


def opportunity_id(number: int) -> str:
    """The record id of the firm's n-th opportunity."""
    return make_id("006", FIRST + number)


def salesforce_rows(firm: Firm) -> dict[str, list[dict[str, Any]]]:
    """Accounts with their customer code; opportunities, won ones with their project's code."""
    account = {row.customer_id: make_id("001", FIRST + at) for at, row in enumerate(firm.customers, start=1)}
    return {
        "Account": [
            {
                "Id": account[row.customer_id],
                "Name": row.name,
                "Customer_Code__c": row.customer_id,
                "Billing_Country__c": row.country,
                "BillingCountryCode": row.country,
                "CurrencyIsoCode": row.currency,
                "Legal_Entity__c": row.entity,
                "Business_Unit__c": row.business_unit,
                "Payment_Terms_Days__c": row.terms_days,
                "Tax_Registration__c": row.tax_registration,
                "Email__c": row.email,
            }
            for row in firm.customers
        ],
        "Opportunity": [
            # Old deals were changed long ago: a change feed that starts now does not see them.
            _stamped(row.close_date if row.project_id else firm.month)
            | {
                "Id": opportunity_id(row.opportunity_id),
                "AccountId": account[row.customer_id],
                "Name": row.name,
                "StageName": WON if row.project_id else OPEN,
                "Amount": decimal_text(row.amount_minor, row.currency),
                "CurrencyIsoCode": row.currency,
                "CloseDate": row.close_date.isoformat(),
                "Legal_Entity__c": row.entity,
                "Business_Unit__c": row.business_unit,
                "Billing_Type__c": BILLING_TYPES[row.billing],
                "Project_Code__c": row.project_id,
            }
            for row in firm.opportunities
        ],
    }


def _stamped(on: date) -> dict[str, str]:
    at = f"{on.isoformat()}T12:00:00Z"
    return {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
