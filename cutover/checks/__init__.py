"""The invariants of DESIGN section 4, each checked by a file of its own that says what it does not check.

Checkers read the journal's tables with their own queries and the ERPs' own state; they share no code
with what they check. `rehearse` runs all of them, `coexist verify` those a live journal can answer.
"""

from cutover.checks.claims import CHECKS, Claim, Finding, check_all
from cutover.checks.facts import ErpDocument, Facts, read_facts

__all__ = ["CHECKS", "Claim", "ErpDocument", "Facts", "Finding", "check_all", "read_facts"]
