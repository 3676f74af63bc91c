"""The processes that send: Locust's own engine with an open schedule.

Nothing imports this package: `python -m locust -f loadtests/generator/locustfile.py` runs it, because importing
locust patches the standard library. It reads the run's folder and writes its ledger there; it judges nothing.

The path of a start: `share` (which are this process's) → `preparing` (its bytes, made seconds ahead) → `dispatch` (at
its moment, whatever the gateway does) → `wire` (one connection, bounded) → `answers`, `bookkeeping` (a row, and an
entry in Locust's statistics) → `record` (the ledger), in one process (`alone`) or by way of `worker` and `master`.

Decided: all workers compute the same schedule and share it out by number, so nobody hands out work during the run.
The price is that a lost worker's share is lost; it stands in the ledger as dropped, and the run is no measurement.
Guarded by tests/integration/test_load_generator.py.
"""
