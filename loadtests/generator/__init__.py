"""The processes that send: Locust's own engine with an open schedule.

Nothing imports this package: `python -m locust -f loadtests/generator/locustfile.py` runs it, because importing
locust patches the standard library. It reads the run's folder and writes its ledger there.
"""
