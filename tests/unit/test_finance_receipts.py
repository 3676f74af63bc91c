"""Expenses without a receipt: only what policy asks for is held, and only where the source knows."""

from __future__ import annotations

from typing import Any

import pytest

from router.canonical.examples import example
from router.canonical.masters import Project
from router.canonical.work import ExpenseItem
from router.landscape import read_landscape
from router.workflows.enrich import Masters, Problem, enrich

LIMITS = read_landscape().expense_limits


def observed(**fields: Any) -> ExpenseItem | Problem:
    """An expense as a PSA shows it, made canonical."""
    project = example("project")
    assert isinstance(project, Project)
    row = {
        "document_id": "EX-1", "project_id": "P-100", "resource_id": "R-100", "expense_date": "2026-10-29",
        "category": "MEALS", "billable": True, "amount": "40.00", "currency": "GBP", **fields,
    }  # fmt: skip
    found = enrich("expense_item", row, Masters(project=project), LIMITS)
    assert isinstance(found, ExpenseItem | Problem)
    return found


def test_a_meal_over_the_limit_without_a_receipt_waits_for_one() -> None:
    """The words name the expense, the amount and where to attach the receipt."""
    found = observed(receipt=False)
    assert isinstance(found, Problem)
    assert found.code == "receipt-missing"
    assert found.why.startswith(
        "expense EX-1: MEALS of 40.00 GBP needs a receipt; attach it to the expense in the PSA"
    )


@pytest.mark.parametrize(
    "fields",
    [{}, {"receipt": True}, {"receipt": False, "amount": "25.00"}, {"receipt": False, "category": "TRAVEL"}],
)
def test_everything_else_goes_through(fields: dict[str, Any]) -> None:
    """A source that says nothing, a receipt, a small amount, a category without a rule."""
    assert isinstance(observed(**fields), ExpenseItem)


def test_an_unreadable_amount_is_the_documents_problem() -> None:
    """The receipt rule does not hide what is wrong with the document itself."""
    found = observed(receipt=False, amount="forty")
    assert isinstance(found, Problem)
    assert "amount" in found.why
