"""Plans as data: what is moved when, in which steps, behind which gates (D14).

A plan is read and checked here and nowhere else; the runner executes it, rehearsed or live, through
the same steps.
"""

from cutover.plan.model import Plan, Wave
from cutover.plan.reading import as_plan, read_plan
from cutover.plan.steps import Step

__all__ = ["Plan", "Step", "Wave", "as_plan", "read_plan"]
