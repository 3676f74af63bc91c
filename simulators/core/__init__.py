"""What all simulators share: the host, faults, latency, limits, and the books behind the ERPs.

`host` wraps a simulator's routes into an ASGI app with a request journal, latency, faults and a back
door under `/_sim/`; `books` (rows, ledger, billing) is an ERP's business state; `fleet`
builds every system of a landscape; `serve` puts the fleet on sockets. Nothing here may speak a
vendor's protocol, draw from global randomness, or wait other than by `asyncio.sleep`.

Decision: the books are shared and personalities differ (rounding, tax, hours), so the differences
a dual run finds emerge from arithmetic instead of being planted. Price: ERPs that book fundamentally
differently need their own books. Guarded by `tests/unit/test_sim_billing.py`.
"""
