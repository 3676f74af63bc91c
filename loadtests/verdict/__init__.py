"""What became of a run: facts from ledger, journal and ERPs, and the verdict they give.

`decisions.py` is pure: measured facts in, checks out. A run whose generator was late is no measurement of
the gateway, so it is invalid rather than passed or failed. No data never passes.
"""
