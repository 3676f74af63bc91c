"""A month of work: who booked how many minutes where, what they spent, and what they forgot.

People book mostly in quarters of an hour; one row in six is in fives or tens, which no ERP that
keeps hundredths of an hour can hold exactly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate

from simulators.firm.entities import month_end, workdays
from simulators.firm.model import Entity, ExpenseRow, Person, Project, TimeRow, stream
from simulators.firm.prices import hour_minor

ABSENT_PERCENT = 6
"""Leave and sickness."""
DAY_MINUTES = (450, 480, 480, 480, 510, 540)
PARTS = (1, 2, 2, 2, 3, 3, 3, 4)
"""Rows a person books on a day."""
OVERHEAD = 8
"""One row in so many is coordination, a project's last task, which is not billable."""
LATE_PERCENT = 2
"""People who enter some of their October, and their first November day, during the rehearsed days."""
SPENDER_PERCENT = 62
LENT_EVERY, LENT_AT, LENT_STEP = 25, 2, 7
CATEGORIES = ("TRAVEL", "LODGING", "MEALS", "MILEAGE", "SOFTWARE")
NOTES = ("", "", "", "", "Workshop with the client", "Review and follow-up", "Remote", "On site", "Hand-over")


def teams_of(
    people: Sequence[Person], projects: Sequence[Project], *, seed: int
) -> dict[str, tuple[Project, ...]]:
    """Person id → the one to four projects of the entity they work on; every project has somebody.

    Projects are unequal: the entity's first ones draw a large part of its people, so that one lane
    of the router is far longer than the others at month-end.
    """
    rng = stream(seed, "teams")
    found: dict[str, list[Project]] = {person.person_id: [] for person in people}
    for entity in dict.fromkeys(person.entity for person in people):
        staff = [person for person in people if person.entity == entity]
        own = [project for project in projects if project.entity == entity]
        if not own:
            continue
        for at, project in enumerate(own):
            found[staff[at % len(staff)].person_id].append(project)
        weights = list(accumulate(max(1, 40 // (at + 1)) for at in range(len(own))))
        for person in staff:
            for _ in range(rng.randint(1, 3)):
                project = rng.choices(own, cum_weights=weights)[0]
                if project not in found[person.person_id]:
                    found[person.person_id].append(project)
    _lend(people, projects, found)
    return {person_id: tuple(rows) for person_id, rows in found.items()}


def _lend(people: Sequence[Person], projects: Sequence[Project], found: dict[str, list[Project]]) -> None:
    """One person in `LENT_EVERY` also works for another entity: what intercompany charges come from."""
    for at, person in enumerate(people):
        elsewhere = [project for project in projects if project.entity != person.entity]
        if at % LENT_EVERY == LENT_AT and elsewhere and found[person.person_id]:
            found[person.person_id].append(elsewhere[at * LENT_STEP % len(elsewhere)])


def time_of(
    people: Sequence[Person],
    teams: dict[str, tuple[Project, ...]],
    entities: dict[str, Entity],
    *,
    month: date,
    seed: int,
) -> tuple[TimeRow, ...]:
    """The month's time and the first working day after it, in order of person and day."""
    rows: list[TimeRow] = []
    rng = stream(seed, "time")
    days_of = {code: workdays(month, entity.weekend) for code, entity in entities.items()}
    for person in people:
        projects = teams[person.person_id]
        if not projects:
            continue
        # Somebody is always late, in the smallest firm too.
        late = rng.randint(1, 100) <= LATE_PERCENT or person is people[0]
        days = days_of[person.entity]
        for day in days:
            if rng.randint(1, 100) > ABSENT_PERCENT:
                rows.extend(_day(len(rows) + 1, person, projects, day, rng, late=late and day in days[-2:]))
        if late or rng.randint(1, 100) <= LATE_PERCENT:
            after = _first_workday_after(month, entities[person.entity].weekend)
            rows.extend(_day(len(rows) + 1, person, projects, after, rng, late=True))
    return tuple(rows)


def _day(
    first_id: int, person: Person, projects: tuple[Project, ...], day: date, rng: random.Random, *, late: bool
) -> list[TimeRow]:
    left = rng.choice(DAY_MINUTES)
    parts = rng.choice(PARTS)
    rows: list[TimeRow] = []
    for at in range(parts):
        last = at == parts - 1
        unit = 15 if rng.randint(1, 6) > 1 else 5
        minutes = left if last else max(unit, left // (parts - at) // unit * unit)
        left -= minutes
        project = projects[rng.randrange(len(projects))]
        task = project.tasks[-1 if rng.randint(1, OVERHEAD) == 1 else rng.randrange(len(project.tasks) - 1)]
        rows.append(
            TimeRow(
                first_id + at,
                person.person_id,
                project.project_id,
                task.task_id,
                day,
                minutes,
                task.billable,
                rng.choice(NOTES),
                late,
            )
        )
    return rows


def _first_workday_after(month: date, weekend: tuple[int, int]) -> date:
    day = month_end(month) + timedelta(days=1)
    while day.weekday() in weekend:
        day += timedelta(days=1)
    return day


def expenses_of(
    people: Sequence[Person],
    teams: dict[str, tuple[Project, ...]],
    entities: dict[str, Entity],
    *,
    month: date,
    seed: int,
) -> tuple[ExpenseRow, ...]:
    """The month's expenses, in the currency of the project they were for."""
    rng = stream(seed, "expenses")
    rows: list[ExpenseRow] = []
    for person in people:
        projects = teams[person.person_id]
        if not projects or rng.randint(1, 100) > SPENDER_PERCENT:
            continue
        days = workdays(month, entities[person.entity].weekend)
        for _ in range(rng.randint(1, 6)):
            project = projects[rng.randrange(len(projects))]
            hour = hour_minor("CONSULTANT", project.currency)
            rows.append(
                ExpenseRow(
                    len(rows) + 1,
                    person.person_id,
                    project.project_id,
                    days[rng.randrange(len(days))],
                    rng.choice(CATEGORIES),
                    hour * rng.randint(3, 420) // 97,  # uneven on purpose: receipts are
                    project.currency,
                    rng.randint(1, 100) <= 85,
                )
            )
    return tuple(rows)
