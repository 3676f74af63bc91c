"""What people say to a run of a cutover plan, and the rules of it. Pure.

The log of a run is a list of rows (`step`, `event`, `at`, `data`): the runner writes how its steps go, people
write approvals, holds and words about steps, from whatever process; the runner polls. A word about the whole
run has the step "". Every word is kept once: saying it again changes nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from router.errors import BadInput, FourEyes, NotFound, Refused

Row = Mapping[str, Any]
Word = Literal["approve", "hold", "unhold", "done", "fail"]
EVENTS: Mapping[Word, str] = {
    "approve": "approved", "hold": "held", "unhold": "unheld", "done": "people-done", "fail": "people-failed",
}  # fmt: skip
"""How a word stands in the log; the runner's own `done` and `failed` are others."""
PROPOSED = "proposed"
"""The first row of a live run: which plan, by its digest, who proposed it, and its steps."""
ENDED = ("done", "failed")
MOST_BY, MOST_TEXT, MOST_ID = 200, 2_000, 200
UNSEEN = frozenset(
    ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u17b5"]
    + [
        chr(one)
        for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
        for one in range(first, last + 1)
    ]
)
"""Letters and marks without a shape, which no category tells from others (Unicode: Default_Ignorable_Code_Point)."""
MOST_WORDS = 10_000
"""Words of people in one run: nobody fills a disk by approving."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing somebody says about a run, or about a step of it."""

    word: Word
    by: str
    step: str = ""
    digest: str = ""
    """`approve`: the plan that was read, by the SHA-256 of its content."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody approved this very plan, for the whole run or one step."""

    by: str
    digest: str
    at: str
    why: str = ""


def folded(name: str) -> str:
    """A name so that two spellings of it are one person."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def checked_text(field: str, value: str, *, most: int, line: bool = False) -> str:
    """A text of people as it is kept; raises BadInput naming the field.

    `line`: a name or an id, on one line and without characters nobody sees: two names that look the same are
    the same, or one person could approve what they proposed.
    """
    if len(value) > most:
        raise BadInput(f"{field}: at most {most} characters")
    for one in value:
        kind = unicodedata.category(one)
        if kind in ("Cc", "Cs") and (line or one not in "\n\t"):
            raise BadInput(f"{field}: no control characters")
        if line and (kind in ("Cf", "Cn", "Co", "Zl", "Zp") or one in UNSEEN):
            raise BadInput(f"{field}: no characters that can't be seen", mend="type it anew")
    return value


def checked_name(field: str, value: str) -> str:
    """The name of a person; raises BadInput."""
    checked_text(field, value, most=MOST_BY, line=True)
    if not folded(value):
        raise BadInput(f"{field}: should name a person")
    return value


def checked_word(said: Said) -> Said:
    """The word as it is kept; raises BadInput naming what is missing or too long."""
    checked_name("by", said.by)
    checked_text("step", said.step, most=MOST_ID, line=True)
    checked_text("why", said.why, most=MOST_TEXT)
    if said.word == "approve" and not (
        len(said.digest) == 64 and set(said.digest) <= set("0123456789abcdef")
    ):
        raise BadInput("digest: should be the 64 hexadecimal digits that `coexist cutover plan` prints")
    if said.word in ("done", "fail") and not said.step:
        raise BadInput(f"step: {said.word} is said of a step")
    if said.word == "fail" and not said.why.strip():
        raise BadInput("why: say why the step fails")
    return said


def proposal(rows: Sequence[Row]) -> Mapping[str, Any] | None:
    """What was proposed, once a runner has begun the run."""
    found: Mapping[str, Any] | None = next((row["data"] for row in rows if row["event"] == PROPOSED), None)
    return found


def approvals(rows: Sequence[Row], step: str, *, digest: str, not_by: Sequence[str]) -> list[Approval]:
    """The approvals of a step ("": of the run) that count: of this very plan, one a person, none of `not_by`."""
    seen = {folded(name) for name in not_by}
    found: list[Approval] = []
    for row in rows:
        if row["event"] != EVENTS["approve"] or row["step"] != step or row["data"]["digest"] != digest:
            continue
        who = folded(row["data"]["by"])
        if who not in seen:
            seen.add(who)
            found.append(
                Approval(by=row["data"]["by"], digest=digest, at=row["at"], why=row["data"].get("why", ""))
            )
    return found


def holds(rows: Sequence[Row]) -> dict[str, Row]:
    """What is held now, by step ("": every step not begun yet): the row that says by whom and why."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["event"] == EVENTS["hold"]:
            found.setdefault(row["step"], row)
        elif row["event"] == EVENTS["unhold"]:
            found.pop(row["step"], None)
    return found


def said_of(rows: Sequence[Row], step: str) -> Row | None:
    """What people said of a step that is under way: that it is done, or that it fails; the first word counts."""
    wanted = (EVENTS["done"], EVENTS["fail"])
    return next((row for row in rows if row["step"] == step and row["event"] in wanted), None)


def state_of(rows: Sequence[Row], step: str) -> str:
    """`not run`, `running`, `unwinding`, `done` or `failed`, as the runner last wrote it."""
    state = "not run"
    for row in rows:
        if row["step"] != step:
            continue
        if row["event"] in (*ENDED, "unwinding"):
            state = row["event"]
        elif row["event"] == "started" and state == "not run":
            state = "running"
    return state


def record_of(rows: Sequence[Row], said: Said) -> dict[str, Any] | None:
    """What to write for a word; None: it is written already. Raises FourEyes, NotFound, Refused, BadInput."""
    said = checked_word(said)
    proposed = proposal(rows)
    if not rows and said.word != "approve":
        # Kept, it would tell whoever mistyped the run, or changed the plan since, that it is held.
        raise NotFound("there is no such run in this journal", mend="name the one that runs with --run-id")
    if sum(row["event"] in EVENTS.values() for row in rows) >= MOST_WORDS:
        raise Refused(f"the run has {MOST_WORDS} words of people already")
    if said.step:
        _refuse_step(rows, said, proposed)
    if said.word == "approve":
        return _approval(rows, said, proposed)
    if said.word in ("hold", "unhold"):
        if (said.step in holds(rows)) == (said.word == "hold"):
            return None
    elif (before := said_of(rows, said.step)) is not None:
        if before["event"] == EVENTS[said.word]:
            return None
        raise Refused(f"{before['data']['by']} said before that {said.step} is {before['event'][7:]}")
    return {"by": said.by, "why": said.why}


def _refuse_step(rows: Sequence[Row], said: Said, proposed: Mapping[str, Any] | None) -> None:
    if proposed is None:
        raise Refused("the run has not begun, so none of its steps waits for anybody")
    steps = {row["id"]: row for row in proposed["steps"]}
    if said.step not in steps:
        raise NotFound(
            f"there is no step {said.step[:60]!r} in this run", mend="use one of " + ", ".join(steps)
        )
    state, step = state_of(rows, said.step), steps[said.step]
    if said.word == "hold" and state != "not run":
        raise Refused(f"{said.step} is {state}: only what has not begun can be held")
    if said.word == "approve" and step["kind"] != "approval":
        raise Refused(f"{said.step} is a {step['kind']}: it waits for no approval")
    if said.word == "done" and not step["people"]:
        raise Refused(f"{said.step} is done when its machines are: nobody needs to say so")
    if said.word in ("approve", "done", "fail") and state != "running":
        raise Refused(f"{said.step} is {state}: it waits for nobody")


def _approval(rows: Sequence[Row], said: Said, proposed: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if proposed is not None:
        if proposed["digest"] != said.digest:
            raise Refused(
                f"this run was begun with plan {proposed['digest'][:12]}, not {said.digest[:12]}",
                mend="a changed plan is a new run",
            )
        if folded(proposed["by"]) == folded(said.by):
            raise FourEyes(f"{said.by} proposed the run", mend="somebody else has to approve it")
    if any(
        folded(one.by) == folded(said.by) for one in approvals(rows, said.step, digest=said.digest, not_by=())
    ):
        return None
    return {"by": said.by, "why": said.why, "digest": said.digest}
