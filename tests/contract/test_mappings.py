"""Every shipped mapping covers what its connector needs, in every version; a gap is noticed by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import get_args

import pytest

from router.app import CONNECT
from router.configfile import loads
from router.connectors.kantata.required import REQUIRED as KANTATA
from router.connectors.mapping import Unmapped, as_mappings, read_mappings
from router.connectors.netsuite.required import REQUIRED as NETSUITE
from router.connectors.salesforce.required import REQUIRED as SALESFORCE
from router.connectors.salesforce.required import names_of
from router.connectors.sap_ecc.required import REQUIRED as SAP_ECC
from router.connectors.worker_feed.decisions import REQUIRED as WORKER_FEED
from router.errors import BadConfig
from router.landscape import Vendor

REQUIRED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "kantata": KANTATA,
    "netsuite": NETSUITE,
    "salesforce": SALESFORCE,
    "sap_ecc": SAP_ECC,
    "worker_feed": WORKER_FEED,
}


def test_every_vendor_has_a_mapping() -> None:
    """A vendor of the landscape without a table of what it needs is a gap in this test."""
    assert set(REQUIRED) == set(get_args(Vendor)) == set(CONNECT)


@pytest.mark.parametrize("vendor", REQUIRED)
def test_the_shipped_mapping_covers_what_the_connector_requires(vendor: str) -> None:
    """In every version: a replay may be written by any of them."""
    for version in read_mappings(vendor).versions:
        assert version.missing(REQUIRED[vendor]) == [], version.version


@pytest.mark.parametrize("vendor", REQUIRED)
def test_a_mapping_that_lost_an_attribute_is_noticed(vendor: str) -> None:
    """Each attribute taken out by itself is named."""
    newest = read_mappings(vendor).newest
    for kind, attributes in REQUIRED[vendor].items():
        for attribute in attributes:
            left = {name: there for name, there in newest.fields[kind].items() if name != attribute}
            lost = replace(newest, fields={**newest.fields, kind: left})
            assert lost.missing(REQUIRED[vendor]) == [f"{kind}.{attribute}"]


TWO = """
versions:
  - version: 1
    published: 2026-01-01
    codes:
      accounts: {REVENUE: [{to: "400000"}, {from: 2027-01-01, to: "410000"}]}
      departments: same
    fields:
      project: {status: Old__c, name: Name}
  - version: 2
    published: 2026-11-01
    codes:
      accounts: {REVENUE: "500000"}
    fields:
      project: {status: New__c}
"""


def test_a_day_has_its_version_and_an_accounting_date_its_code() -> None:
    """By the day of acceptance version 1, by the newest version 2; a code changes with the accounting date."""
    found = as_mappings(loads(TWO))
    old, new = found.as_of(date(2026, 10, 30)), found.as_of(None)
    assert (old.version, new.version) == (1, 2)
    assert found.as_of(date(2025, 1, 1)).version == 1
    assert (old.field("project", "status"), new.field("project", "status")) == ("Old__c", "New__c")
    assert new.field("project", "name") == "Name"
    assert old.code("accounts", "REVENUE", date(2026, 12, 31)) == "400000"
    assert old.code("accounts", "REVENUE", date(2027, 1, 1)) == "410000"
    assert new.code("accounts", "REVENUE", date(2027, 1, 1)) == "500000"
    assert new.code("departments", "DELIVERY", date(2027, 1, 1)) == "DELIVERY"


def test_a_gap_names_file_table_and_mend() -> None:
    """What is not covered says where to add it."""
    newest = as_mappings(loads(TWO, name="crm.yaml")).newest
    with pytest.raises(Unmapped, match=r"crm\.yaml \(version 2\) has no accounts entry for 'TAX'") as told:
        newest.code("accounts", "TAX", date(2026, 1, 1))
    assert "codes.accounts" in told.value.mend
    with pytest.raises(Unmapped, match=r"does not map project\.problem"):
        newest.field("project", "problem")


def test_versions_out_of_order_are_refused_with_their_place() -> None:
    """A version that is not newer than the one before it is a mistake in the file."""
    with pytest.raises(BadConfig, match=r"versions: 1 comes after 1"):
        as_mappings(loads(TWO.replace("version: 2", "version: 1"), name="crm.yaml"))


def test_a_field_name_that_is_none_never_reaches_a_query() -> None:
    """A mapping is a file that people write: what it names stands in SOQL and in paths."""
    newest = read_mappings("salesforce").newest
    fields = {**newest.fields, "project": {**newest.fields["project"], "status": "Id FROM User --"}}
    with pytest.raises(Unmapped, match=r"project\.status is 'Id FROM User --'"):
        names_of(replace(newest, fields=fields))
