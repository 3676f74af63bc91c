"""Plans as data: what is moved when, in which steps, behind which gates (D14).

A plan is read and checked here and nowhere else; the runner executes it, rehearsed or live, through
the same steps.
"""

from cutover.plan.model import Plan, Step, Wave, read_plan

__all__ = ["Plan", "Step", "Wave", "read_plan"]
