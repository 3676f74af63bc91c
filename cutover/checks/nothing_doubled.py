"""I2: no document stands twice, in one ERP or in two."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.checks.facts import Facts, transaction_of

CLAIM = "at most one authoritative document per transaction in all ERPs together"
NOT_CHECKED = "documents without our external id, entered by hand in an ERP"

TRANSACTIONAL = frozenset(
    {"time_entry", "expense_item", "milestone", "billing_event", "invoice", "credit_memo", "payment"}
)


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """Journal: one authority job a transaction. ERPs: one document a key, only where a job sent it."""
    return len(facts.jobs) + len(facts.erp_documents or ()), [*_journal(facts), *_erps(facts)]


def _journal(facts: Facts) -> Iterable[str]:
    seen: dict[int, str] = {}
    for job in facts.jobs:
        if job.role != "authority":
            continue
        owner = transaction_of(job.job_id)
        if owner in seen and job.state == "posted" and seen[owner] == "posted":
            yield f"T{owner:012d} was posted by two authority jobs"
        if seen.get(owner) != "posted":
            seen[owner] = job.state


def _erps(facts: Facts) -> Iterable[str]:
    if facts.erp_documents is None:
        return
    sent: dict[tuple[str, str, str], set[str]] = {}
    for job in facts.jobs:
        if job.role in ("authority", "shadow"):
            sent.setdefault((job.target, job.kind, job.external_id), set()).add(job.role)
    counts: dict[tuple[str, str, str], int] = {}
    for document in facts.erp_documents:
        if document.kind in TRANSACTIONAL and document.external_id and document.status != "cancelled":
            key = (document.system, document.kind, document.external_id)
            counts[key] = counts.get(key, 0) + 1
    authorities: dict[tuple[str, str], list[str]] = {}
    for (system, kind, external_id), count in sorted(counts.items()):
        if count > 1:
            yield f"{kind} {external_id} stands {count} times in {system}"
        asked = kind if (system, kind, external_id) in sent else "billing_event"
        roles = sent.get((system, asked, external_id), set())
        if not roles:
            yield f"{kind} {external_id} stands in {system}, but nothing was sent there"
        if "authority" in roles:
            authorities.setdefault((kind, external_id), []).append(system)
    for (kind, external_id), systems in sorted(authorities.items()):
        if len(systems) > 1:
            yield f"{kind} {external_id} is authoritative in {' and '.join(systems)}"
