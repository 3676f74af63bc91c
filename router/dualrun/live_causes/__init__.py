"""Why documents of two live ERPs differ, proven from how each ERP reckons. Pure.

Facts are what both ERPs said when they were read back (`router.connectors.port.Record`), and what the
journal knows of deliveries, settlements and conflicts. How an ERP reckons is learned from its own
invoices (`habits`), never from its configuration; each difference is then walked from the legacy's
habits to the cloud's, one habit at a time (`path`), so that the parts of a cause sum to the difference
to the minor unit and what no habit reproduces stays a part called `unexplained`.

Must not: read anything, know a vendor, allow any slack. Sits between the comparison engine and the
breaks: `router.dualrun.explain.explained` asks `LiveJudge`.
"""

from router.dualrun.live_causes.facts import JournalFacts, LiveFacts
from router.dualrun.live_causes.judge import LiveJudge

__all__ = ["JournalFacts", "LiveFacts", "LiveJudge"]
