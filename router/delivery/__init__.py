"""Delivery: takes what the journal accepted to each system, once, in order, within its budget.

On the path: after the journal, before the connectors. One worker per target claims lanes (D4), looks
up what is in doubt before anything else (D8), waits for prerequisites, fills batches of one kind and
operation across lanes, calls, and settles with what follows from it in the same commit. It must not
route, translate, or hold truth: what it remembers (known references, budgets, circuits) may be lost
at any moment; a crash leaves leases to expire, and their jobs come back in doubt. What to do is
decided in `decisions.py`; the other files do it.

    claim ─► look up in doubt ─► prerequisites ─► batch ─► budget ─► circuit ─► call ─► settle
"""

from router.delivery.budget import Budget, BudgetStatus, Grant, LocalBudget
from router.delivery.policy import DeliveryPolicy
from router.delivery.service import Delivery
from router.delivery.signal import LocalSignal, Signal
from router.delivery.worker import TargetStatus, TargetWorker, Work

__all__ = [
    "Budget",
    "BudgetStatus",
    "Delivery",
    "DeliveryPolicy",
    "Grant",
    "LocalBudget",
    "LocalSignal",
    "Signal",
    "TargetStatus",
    "TargetWorker",
    "Work",
]
