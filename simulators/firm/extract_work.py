"""What was done according to the extracts: time, expenses, and invoices that stood open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from simulators.firm.entities import month_end
from simulators.firm.extract_notes import Notes
from simulators.firm.extract_rows import Row
from simulators.firm.model import (
    Customer,
    Entity,
    ExpenseRow,
    OpenInvoice,
    Person,
    Project,
    Task,
    TimeRow,
)

DAY_MINUTES = 1440
AFTER = timedelta(days=7)
"""Time of the following week is taken as entered during the rehearsed days."""
FIRST_MONTH = date(2026, 10, 1)
"""The month of a firm without any time."""


class WorkDone:
    """Makes rows of time, expenses and open invoices; unknown references are refused."""

    def __init__(
        self,
        *,
        people: Sequence[Person],
        projects: Sequence[Project],
        customers: Sequence[Customer],
        entities: Mapping[str, Entity],
        notes: Notes,
    ) -> None:
        self._people = {row.person_id for row in people}
        self._projects = {row.project_id: row for row in projects}
        self._numbers = {row.project_id: at for at, row in enumerate(projects, start=1)}
        self._customers = {row.customer_id: row for row in customers}
        self._entities = entities
        self._notes = notes
        self._tasks: dict[str, dict[str, Task]] = {}

    def time(self, month: date | None) -> tuple[date, list[TimeRow]]:
        """(the month being closed, its time rows)."""
        file = "time.csv"
        read = [row for row in self._notes.first(file, "time_id") if self._known(file, row)]
        if month is None:
            months = Counter(row.values["worked_on"].replace(day=1) for row in read)
            # The most frequent month; of two, the later one.
            month = max(months, key=lambda found: (months[found], found)) if months else FIRST_MONTH
            self._notes.state(f"the month being closed is {month:%Y-%m}")
        found: list[TimeRow] = []
        for row in read:
            minutes = self._minutes(row)
            if minutes is None or not self._in_month(file, row, "worked_on", month, after=AFTER):
                continue
            values = row.values
            billable = self._notes.value(row, "billable", True, "time is billable")
            task = self._task(values["project_id"], values.get("task", "Work"))
            late = values["worked_on"] > month_end(month)
            found.append(
                TimeRow(
                    len(found) + 1,
                    values["person_id"],
                    values["project_id"],
                    task.task_id,
                    values["worked_on"],
                    minutes,
                    billable,
                    values.get("notes", ""),
                    late,
                )
            )
        return month, found

    def tasks_of(self, project_id: str) -> tuple[Task, ...]:
        """A project's tasks as its time names them; without any, one called Work."""
        self._task(project_id, "Work") if project_id not in self._tasks else None
        return tuple(self._tasks[project_id].values())

    def expenses(self, month: date) -> list[ExpenseRow]:
        """The month's expenses, in the project's currency."""
        file, notes = "expenses.csv", self._notes
        found: list[ExpenseRow] = []
        for row in notes.first(file, "expense_id"):
            values = row.values
            if not self._known(file, row) or not self._in_month(file, row, "spent_on", month):
                continue
            project = self._projects[values["project_id"]]
            currency = notes.value(
                row, "currency", project.currency, "an expense is in the project's currency"
            )
            if currency != project.currency:
                why = f"is not the project's currency {project.currency}"
                notes.refuse(file, row, "currency", why, "convert it in the source system")
                continue
            amount = notes.minor(file, row, "amount", currency)
            if amount is None:
                continue
            if amount <= 0:
                notes.refuse(file, row, "amount", "is not above zero", "leave corrections out of the extract")
                continue
            found.append(
                ExpenseRow(
                    len(found) + 1,
                    values["person_id"],
                    values["project_id"],
                    values["spent_on"],
                    notes.value(row, "category", "OTHER", "an expense's category is OTHER"),
                    amount,
                    currency,
                    notes.value(row, "billable", True, "expenses are billable"),
                    values.get("notes", ""),
                )
            )
        return found

    def open_invoices(self) -> list[OpenInvoice]:
        """Invoices that stood open; they are carried over as they are."""
        return self._notes.made("open_invoices.csv", "invoice_id", self._open_invoice)

    def _open_invoice(self, row: Row) -> OpenInvoice | None:
        file, values, notes = "open_invoices.csv", row.values, self._notes
        customer = self._customers.get(values["customer_id"])
        project = self._projects.get(values.get("project_id", ""))
        if customer is None:
            why, mend = "is none of the customers that were read", "add or mend it in customers.csv"
            notes.refuse(file, row, "customer_id", why, mend)
            return None
        if "project_id" in values and (project is None or project.customer_id != customer.customer_id):
            why, mend = "is no project of this customer", "add or mend it in projects.csv"
            notes.refuse(file, row, "project_id", why, mend)
            return None
        currency = notes.value(
            row, "currency", customer.currency, "an open invoice is in the customer's currency"
        )
        amounts = self._amounts(row, currency)
        if amounts is None:
            return None
        entity = self._entities[project.entity if project else customer.entity]
        notes.default("an open invoice is carried over on the month's first day")
        return OpenInvoice(
            invoice_id=values["invoice_id"],
            number=values["invoice_id"],
            customer_id=customer.customer_id,
            project_id=project.project_id if project else None,
            entity=entity.code,
            business_unit=customer.business_unit,
            currency=currency,
            issued_on=values.get("issued_on", values["due_on"]),
            due_on=values["due_on"],
            net_minor=amounts[0],
            tax_minor=amounts[1],
            tax_code=entity.tax_code,
        )

    def _amounts(self, row: Row, currency: str) -> tuple[int, int] | None:
        """(net, tax) in minor units; what is missing follows from the other two."""
        file, notes = "open_invoices.csv", self._notes
        found: dict[str, int] = {}
        for field in ("net", "tax", "total"):
            if field in row.values:
                minor = notes.minor(file, row, field, currency)
                if minor is None:
                    return None
                found[field] = minor
        if "net" not in found and "total" not in found:
            notes.refuse(file, row, "total", "the row has neither net nor total", "map one of them")
            return None
        if "tax" not in found and not ("net" in found and "total" in found):
            notes.default("an open invoice without tax carries none")
        tax = found.get("tax", found["total"] - found["net"] if len(found) == 2 and "tax" not in found else 0)
        net = found.get("net", found.get("total", 0) - tax)
        if net + tax != found.get("total", net + tax):
            notes.refuse(file, row, "total", "is not net plus tax", "mend the row")
            return None
        if net + tax <= 0 or net <= 0 or tax < 0:
            why = "is not above zero"
            notes.refuse(file, row, "total" if "total" in found else "net", why, "leave credits out")
            return None
        return net, tax

    def _known(self, file: str, row: Row) -> bool:
        for field, known, where in (
            ("person_id", row.values["person_id"] in self._people, "people.csv"),
            ("project_id", row.values["project_id"] in self._projects, "projects.csv"),
        ):
            if not known:
                self._notes.refuse(
                    file, row, field, f"is none of the rows read from {where}", f"add or mend it in {where}"
                )
                return False
        return True

    def _in_month(
        self, file: str, row: Row, field: str, month: date, *, after: timedelta = timedelta(0)
    ) -> bool:
        if month <= row.values[field] <= month_end(month) + after:
            return True
        why = f"lies outside {month:%Y-%m}, the month being closed"
        self._notes.refuse(file, row, field, why, "set month in mapping.yaml, or leave the row out")
        return False

    def _minutes(self, row: Row) -> int | None:
        values, notes = row.values, self._notes
        if "minutes" in values:
            field, minutes = "minutes", int(values["minutes"])
        elif "hours" in values:
            field = "hours"
            exact: Decimal = values["hours"] * 60
            minutes = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
            if exact != minutes:
                notes.default("hours that are no whole minutes are rounded to the nearest minute")
        else:
            notes.refuse(
                "time.csv", row, "minutes", "the row has neither minutes nor hours", "map one of them"
            )
            return None
        if not 0 < minutes <= DAY_MINUTES:
            notes.refuse("time.csv", row, field, "is not above zero and at most a day", "mend the row")
            return None
        return minutes

    def _task(self, project_id: str, name: str) -> Task:
        tasks = self._tasks.setdefault(project_id, {})
        if name not in tasks:
            task_id = f"T-{self._numbers[project_id]:05d}-{len(tasks) + 1}"
            tasks[name] = Task(task_id=task_id, name=name, billable=True)
        return tasks[name]
