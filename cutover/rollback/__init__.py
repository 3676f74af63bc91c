"""The way back: what a rollback costs, whether it would work, and what it did (D7, D14).

`price` is pure and says of every document of the new ERP what becomes of it; `port` is what the runner's steps
ask, `door` answers it over a router's journal and connectors. The doing is in `cutover.runner.steps.rolling_back`,
the moving of authority in `router.journal.rehoming`. Decided here and guarded by `tests/unit/test_rollback_price.py`:

- Nothing is taken back from the new ERP: neither connector cancels time, invoices or payments. Its copies go on
  as the shadow's, as they did before the switch, so that the dual run goes on.
- An invoice the customer has is not issued again. It comes home only where the old ERP's copy is the same to the
  cent, together with everything that refers to it; else it stays, its followers with it (lineage), and the old ERP
  gets a shadow of it, or it would bill the same work a second time.
"""
