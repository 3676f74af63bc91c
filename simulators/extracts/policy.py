"""The comparison policy for the planted extracts, and what their columns are called in the legacy file."""

from __future__ import annotations

from collections.abc import Mapping

LEGACY_HEADINGS: Mapping[str, str] = {
    "document": "VBELN", "line": "POSNR", "number": "XBLNR", "customer_id": "KUNRG", "project_id": "PS_PSP_PNR",
    "legal_entity": "BUKRS", "currency": "WAERK", "quantity": "FKIMG", "rate": "KBETR", "net": "NETWR",
    "tax_code": "MWSKZ", "tax_rate": "MSATZ", "tax": "MWSBP", "total": "BRTWR", "fx_rate": "KURRF",
    "fx_date": "WWERT", "base_currency": "HWAER", "base_amount": "DMBTR", "posting_date": "BUDAT",
    "period": "POPER", "status": "RFBSK", "cost_center": "KOSTL", "department": "ABTNR", "practice": "PRCTR",
    "approved_by": "USNAM", "memo": "SGTXT",
}  # fmt: skip
"""Field names in the manner of SAP's billing and accounting tables; the extract is an invented one."""

_RENAME = ", ".join(f"{heading}: {name}" for name, heading in LEGACY_HEADINGS.items())

POLICY = f"""\
# One row is one invoice line. The legacy file has SAP's headings, a semicolon and a decimal comma.
key: [document, line]
document: [document]
columns:
  number: {{type: text}}
  customer_id: {{type: dimension}}
  project_id: {{type: dimension}}
  legal_entity: {{type: dimension}}
  quantity: {{type: decimal}}
  rate: {{type: money}}
  net: {{type: money}}
  tax_code: {{type: dimension}}
  tax_rate: {{type: decimal}}
  tax: {{type: money}}
  total: {{type: money}}
  fx_rate: {{type: decimal}}
  fx_date: {{type: date, formats: {{legacy: "%Y%m%d"}}}}
  base_amount: {{type: money, currency_column: base_currency}}
  posting_date:
    type: date
    formats: {{legacy: "%Y%m%d"}}
    time_zones: {{legacy: Europe/Berlin, cloud: America/New_York}}
  period: {{type: dimension}}
  status: {{type: status}}
  cost_center: {{type: dimension}}
  department: {{type: dimension}}
  practice: {{type: dimension}}
  approved_by: {{type: text}}
  memo: {{type: text}}
control_totals: [[legal_entity, currency], [legal_entity, period]]
roles: {{customer: customer_id, project: project_id, accounting_date: posting_date}}
rename:
  legacy: {{{_RENAME}}}
files:
  legacy: {{delimiter: ";", encoding: windows-1252, numbers: {{decimal: ",", grouping: "."}}}}
  cloud: {{delimiter: ",", encoding: utf-8}}
"""
