"""Fake CRM, PSA, HCM and ERP systems that speak their vendors' protocols (D10).

They stand on both ends of a transaction's path: work arrives from a CRM or PSA, documents end in an
ERP. They keep real state behind real authentication, errors, paging and limits, and know nothing of
the router: this package imports nothing of `router`, `cutover` or `loadtests`, and what a
simulator knows of the firm it reads from the landscape file as plain data (`core.firm_data`).

`core` hosts them (ASGI, faults, latency, back door, TLS) and holds the books the ERPs share;
`crm`, `psa`, `hcm` and `erp` hold one folder a vendor; `firm` invents the firm that is rehearsed.
Two callers: a rehearsal mounts the apps in process on virtual time, `coexist simulate` serves them
over sockets. The only file that may read the machine's clock is `core/serve.py`.
"""
