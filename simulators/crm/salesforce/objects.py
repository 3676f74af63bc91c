"""The objects of this org: fields, types, which are external ids, which are the system's own.

Standard fields as the vendor names them; `__c` fields are this firm's customisation, which a real
org would have too. Numbers are kept as integers in ten-thousandths (`SCALE`), never as float.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Type = Literal[
    "id",
    "reference",
    "string",
    "textarea",
    "picklist",
    "email",
    "boolean",
    "currency",
    "double",
    "int",
    "date",
    "datetime",
]
SCALE = 10_000
TEXT = frozenset({"string", "textarea", "picklist", "email"})
NUMBER = frozenset({"currency", "double"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object."""

    name: str
    type: Type
    length: int = 255
    external_id: bool = False
    required: bool = False
    system: bool = False
    """Set by the platform; a request that sends it is refused."""
    refers_to: str = ""

    @property
    def relationship(self) -> str:
        """The name a SOQL path uses for the parent: `AccountId` is reached as `Account`."""
        return self.name[:-2] if self.type == "reference" else ""


@dataclass(frozen=True, slots=True)
class SObject:
    """One object of the org."""

    name: str
    prefix: str
    fields: dict[str, Field]
    children: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Child relationship name → (child object, its reference field)."""
    lower: dict[str, str] = field(default_factory=dict)
    """Field names are case-insensitive in requests: lower case → real name."""


_SYSTEM = (
    Field("Id", "id", 18, system=True),
    Field("IsDeleted", "boolean", system=True),
    Field("CreatedDate", "datetime", system=True),
    Field("LastModifiedDate", "datetime", system=True),
    Field("SystemModstamp", "datetime", system=True),
)
STAGES: dict[str, tuple[bool, bool]] = {"Closed Won": (True, True), "Closed Lost": (True, False)}
"""StageName → (IsClosed, IsWon); every other stage is open."""


def _object(
    name: str, prefix: str, *fields: Field, children: dict[str, tuple[str, str]] | None = None
) -> SObject:
    every = {row.name: row for row in (*_SYSTEM, *fields)}
    return SObject(name, prefix, every, children or {}, {key.lower(): key for key in every})


_OWNER = Field("OwnerId", "reference", 18, refers_to="User")
_CURRENCY = Field("CurrencyIsoCode", "picklist", 3)

OBJECTS: dict[str, SObject] = {
    row.name: row
    for row in (
        _object(
            "Account", "001",
            Field("Name", "string", required=True), _OWNER, _CURRENCY,
            Field("AccountNumber", "string", 40), Field("Type", "picklist"), Field("Industry", "picklist"),
            Field("Website", "string"), Field("Phone", "string", 40),
            Field("BillingStreet", "textarea"), Field("BillingCity", "string", 40),
            Field("BillingPostalCode", "string", 20), Field("BillingCountry", "string", 80),
            Field("BillingCountryCode", "picklist", 2),
            Field("Customer_Code__c", "string", 64, external_id=True),
            Field("Billing_Country__c", "string", 2), Field("Tax_Registration__c", "string", 64),
            Field("Legal_Entity__c", "string", 32), Field("Business_Unit__c", "string", 32),
            Field("Payment_Terms_Days__c", "double"), Field("Email__c", "email"),
            children={"Contacts": ("Contact", "AccountId"), "Opportunities": ("Opportunity", "AccountId")},
        ),
        _object(
            "Contact", "003",
            Field("LastName", "string", 80, required=True), Field("FirstName", "string", 40),
            Field("Name", "string", system=True), Field("Email", "email"), Field("Phone", "string", 40),
            Field("AccountId", "reference", 18, refers_to="Account"), _OWNER, _CURRENCY,
        ),
        _object(
            "Opportunity", "006",
            Field("Name", "string", 120, required=True), Field("StageName", "picklist", required=True),
            Field("CloseDate", "date", required=True), Field("Amount", "currency"),
            Field("IsWon", "boolean", system=True), Field("IsClosed", "boolean", system=True),
            Field("AccountId", "reference", 18, refers_to="Account"), _OWNER, _CURRENCY,
            Field("Type", "picklist"), Field("Description", "textarea", 32_000), Field("NextStep", "string"),
            Field("Legal_Entity__c", "string", 32), Field("Business_Unit__c", "string", 32),
            Field("Billing_Type__c", "picklist", 40), Field("Project_Template__c", "string", 32),
            Field("Project_Code__c", "string", 64, external_id=True), Field("Project_Status__c", "picklist", 40),
            Field("Project_Problem__c", "string"), Field("Last_Invoice_Number__c", "string", 64),
            Field("Last_Invoice_Status__c", "picklist", 40), Field("Invoiced_Total__c", "currency"),
            children={"OpportunityLineItems": ("OpportunityLineItem", "OpportunityId")},
        ),
        _object(
            "OpportunityLineItem", "00k",
            Field("OpportunityId", "reference", 18, required=True, refers_to="Opportunity"),
            Field("Product2Id", "reference", 18, refers_to="Product2"), Field("Name", "string"),
            Field("Quantity", "double"), Field("UnitPrice", "currency"), Field("TotalPrice", "currency"),
            Field("ServiceDate", "date"), _CURRENCY,
        ),
        _object(
            "Product2", "01t",
            Field("Name", "string", required=True), Field("ProductCode", "string", external_id=True),
            Field("IsActive", "boolean"), Field("Family", "picklist"),
        ),
        _object(
            "User", "005",
            Field("Username", "string", 80, required=True), Field("LastName", "string", 80, required=True),
            Field("FirstName", "string", 40), Field("Name", "string", system=True), Field("Email", "email"),
            Field("IsActive", "boolean"), Field("Employee_Id__c", "string", 64, external_id=True),
        ),
    )
}  # fmt: skip
LOWER = {name.lower(): name for name in OBJECTS}


def find_object(name: str) -> SObject | None:
    """The object of a name in any case, or None."""
    return OBJECTS.get(LOWER.get(name.lower(), ""))


def describe(sobject: SObject, base: str) -> dict[str, object]:
    """The `describe` answer: what a client asks before it reads or writes."""
    return {
        "name": sobject.name,
        "label": sobject.name,
        "keyPrefix": sobject.prefix,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "custom": sobject.name.endswith("__c"),
        "urls": {
            "sobject": f"{base}/sobjects/{sobject.name}",
            "rowTemplate": f"{base}/sobjects/{sobject.name}/{{ID}}",
        },
        "childRelationships": [
            {"relationshipName": name, "childSObject": child, "field": key}
            for name, (child, key) in sobject.children.items()
        ],
        "fields": [_describe_field(row) for row in sobject.fields.values()],
    }


def _describe_field(row: Field) -> dict[str, object]:
    return {
        "name": row.name,
        "label": row.name.removesuffix("__c").replace("_", " "),
        "type": row.type,
        "length": row.length if row.type in TEXT or row.type in ("id", "reference") else 0,
        "custom": row.name.endswith("__c"),
        "externalId": row.external_id,
        "idLookup": row.external_id or row.type == "id",
        "unique": row.external_id,
        "nillable": not row.required,
        "createable": not row.system,
        "updateable": not row.system,
        "referenceTo": [row.refers_to] if row.refers_to else [],
        "relationshipName": row.relationship or None,
    }
