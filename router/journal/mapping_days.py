"""Which version of a vendor's mapping a delivery is written by: of the day it was accepted, or the newest.

Kept with the job (`facts.mapping`), because only a replay changes it; a lease turns it into a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from router.journal.engine import Transaction
from router.journal.schema import JOBS_PER_TRANSACTION, UNSETTLED
from router.journal.words import facts_text, from_json

MappingOf = Literal["day", "newest"]
"""`day`: as published by the day the transaction was accepted."""
FACT = "mapping"


def choose(tx: Transaction, seqs: Sequence[int], mapping: MappingOf) -> None:
    """Let everything of some transactions that is still to be delivered be written by this version."""
    changed = []
    for seq in seqs:
        span = (seq * JOBS_PER_TRANSACTION, (seq + 1) * JOBS_PER_TRANSACTION)
        for job_id, text in tx.rows(
            f"SELECT job_id, facts FROM jobs WHERE job_id >= ? AND job_id < ? AND {UNSETTLED}", span
        ):
            facts = dict(from_json(text) or {})
            facts.pop(FACT, None)
            if mapping == "newest":
                facts[FACT] = mapping
            if facts_text(facts) != text:
                changed.append((facts_text(facts), job_id))
    tx.many("UPDATE jobs SET facts = ? WHERE job_id = ?", changed)


def day_of(facts: Mapping[str, Any], accepted: date) -> date | None:
    """The day by which a job's mapping was published; None: the newest."""
    return None if facts.get(FACT) == "newest" else accepted
