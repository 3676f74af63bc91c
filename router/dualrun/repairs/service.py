"""Proposes, checks and applies repairs on live ERPs. Everything it writes goes through the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from router.canonical.billing import WriteOff
from router.canonical.documents import Document
from router.canonical.events import wrap
from router.canonical.money import Money
from router.clock import Clock, to_text
from router.dualrun.breaks import Break
from router.dualrun.policy import SIDES, Side
from router.dualrun.repairs import documents
from router.dualrun.repairs.documents import CannotCorrect, Firm, Made
from router.dualrun.repairs.drafts import Draft, drafts, proposal, told, with_lines
from router.dualrun.repairs.findings import Finding, judged
from router.dualrun.repairs.gathering import Gathering, Name
from router.dualrun.repairs.plan import Header, Plan, Proposal, sealed
from router.dualrun.repairs.reading import break_of
from router.dualrun.repairs.rules import POSTING, RepairRules
from router.dualrun.repairs.setting_off import Correction
from router.dualrun.repairs.standing import Standing, state_of_rows
from router.errors import BadInput, FourEyes, NotFound, Refused
from router.journal.decisions import lane_of
from router.journal.journal import Journal
from router.journal.port import Accepted, NewJob, Submission
from router.journal.repairing import CLIENT, NOTE
from router.landscape import Landscape
from router.model import LaneKey, SystemId
from router.workflows.period_book import PeriodBook

NOT_KEY = "the key of its break names no document of the router"


class Repairs:
    """Repairs of what a live dual run found."""

    def __init__(
        self,
        *,
        journal: Journal,
        gathering: Gathering,
        landscape: Landscape,
        periods: PeriodBook,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._gathering = gathering
        self._landscape = landscape
        self._periods = periods
        self._clock = clock

    # Proposing

    async def propose(
        self,
        run_id: str,
        rules: RepairRules,
        *,
        legacy: SystemId | None = None,
        cloud: SystemId | None = None,
    ) -> Plan:
        """A plan for the breaks a run found; nothing is written. Raises NotFound, BadInput."""
        stored = await self._journal.breaks(run_id)
        if not stored:
            raise NotFound(f"run {run_id[:80]!r} found no breaks, or there is no such run")
        found = [break_of(row, f"break {at} of {run_id}") for at, row in enumerate(stored, 1)]
        systems = self._systems(legacy, cloud)
        standings = await self._gathering.standings(_names(found), systems)

        def owner_of(kind: str, key: Mapping[str, str]) -> Side:
            standing = standings.get((kind, _id_of(key)))
            return (standing.owner if standing is not None else None) or rules.authority

        await self._periods.freshen()
        header = Header(
            run_id=run_id,
            source="journal",
            policy_hash=str(stored[0].get("policy_hash") or ""),
            rules_hash=rules.fingerprint,
            as_of=to_text(self._clock.now()),
            systems=dict(systems),
            rounding_account=rules.rounding_account,
        )
        paid = await self._paid(standings.values())
        made = [
            self._proposed(draft, standings.get((draft.kind, _id_of(draft.key))), rules, header, paid)
            for draft in with_lines(drafts(found, rules, owner_of), _id_of)
        ]
        return sealed(header, made)

    def _proposed(
        self,
        draft: Draft,
        standing: Standing | None,
        rules: RepairRules,
        header: Header,
        paid: Mapping[str, int],
    ) -> Proposal:
        state = state_of_rows(standing.rows) if standing is not None else {}
        made: tuple[Made, ...] = ()
        try:
            if draft.side is not None:
                identities = [one.identity for one in draft.breaks]
                made = self._made(draft, identities, standing, state, header, paid)
        except CannotCorrect as error:
            draft = draft.given_up(str(error))
        system = header.systems.get(draft.side, "") if draft.side is not None else ""
        return proposal(
            draft, state=state, system=system, documents=_told_of(made, standing), tells=told(draft, rules)
        )

    def _made(
        self,
        draft: Draft,
        identities: Sequence[str],
        standing: Standing | None,
        state: Mapping[str, str],
        header: Header,
        paid: Mapping[str, int],
    ) -> tuple[Made, ...]:
        """The documents of a draft; raises CannotCorrect."""
        if standing is None or draft.side is None:
            raise CannotCorrect(NOT_KEY)
        if draft.breaks[0].level == "line":
            raise CannotCorrect("a line is corrected with its document")
        if draft.action == "resend":
            if not standing.transaction_id:
                raise CannotCorrect(f"the router never accepted {standing.kind} {standing.document_id}")
            return ()
        firm = Firm(
            rounding_account=header.rounding_account,
            taxes=self._landscape.tax_codes,
            date_of=self._date_of,
            paid_minor=lambda invoice: paid.get(invoice, 0),
        )
        facts = orjson.dumps(
            [sorted(identities), draft.action, draft.side, state], option=orjson.OPT_SORT_KEYS
        )
        return documents.made(draft, standing, firm, tag=hashlib.sha256(facts).hexdigest()[:8])

    def _date_of(self, document: Document) -> date | None:
        return self._periods.first_open(document.legal_entity, document.accounting_date, document)

    async def _paid(self, standings: Iterable[Standing]) -> dict[str, int]:
        """What was paid of each invoice that stands somewhere."""
        names = [one.document.document_id for one in standings if one.kind == "invoice" and one.document]
        return {name: await self._journal.paid_minor(name) for name in names}

    def _systems(self, legacy: SystemId | None, cloud: SystemId | None) -> dict[Side, SystemId]:
        erps = self._landscape.of_role("erp")
        chosen = (legacy or (erps[0] if erps else None), cloud or (erps[1] if len(erps) > 1 else None))
        if None in chosen or chosen[0] == chosen[1]:
            raise BadInput("a repair needs two ERPs", mend="name legacy and cloud as the landscape does")
        return {side: SystemId(str(name)) for side, name in zip(SIDES, chosen, strict=True)}

    # Checking

    async def check(self, plan: Plan, *, only: Sequence[str] | None = None) -> list[Finding]:
        """What would become of each proposal now; nothing is written."""
        wanted = [one for one in plan.proposals if only is None or one.id in only]
        posting = [one for one in wanted if one.posts]
        systems = self._systems_of(plan) if posting else {}
        names = [(one.kind, _id_of(one.key)) for one in posting]
        standings = await self._gathering.standings(names, systems) if posting else {}
        await self._periods.freshen()
        paid = await self._paid(standings.values())
        found = []
        for one in wanted:
            if not one.posts:
                found.append(Finding(id=one.id, verdict="no_posting", why=one.tells or one.why))
                continue
            standing = standings[(one.kind, _id_of(one.key))]
            verdict = judged(one, standing, await self._accepted(one))
            if verdict.verdict == "ready":
                verdict = self._remade(plan, one, standing, paid) or verdict
            found.append(verdict)
        return found

    def _remade(
        self, plan: Plan, one: Proposal, standing: Standing, paid: Mapping[str, int]
    ) -> Finding | None:
        """A finding where the documents would not be made as they stand in the plan; None: they would."""
        if standing.owner is not None and standing.owner != one.owner:
            told_now = (f"owner: {one.owner} before, {standing.owner} now",)
            return Finding(id=one.id, verdict="moved", why="another ERP owns it now", moved=told_now)
        try:
            identities = [held.identity for held in one.breaks]
            made = self._made(_draft_of(one), identities, standing, one.state, plan, paid)
        except CannotCorrect as error:
            return Finding(id=one.id, verdict="blocked", why=str(error))
        if _told_of(made, standing) == [dict(row) for row in one.documents]:
            return None
        why = (
            "a period was closed or a setting changed since, so other documents would be made: propose again"
        )
        return Finding(id=one.id, verdict="blocked", why=why)

    async def _accepted(self, one: Proposal) -> list[tuple[str, str]]:
        """(document id, state of its delivery) of what a proposal made before."""
        found = []
        for row in one.documents:
            name = str(row["document"]["document_id"])
            for transaction_id in await self._journal.find(name):
                known = await self._journal.transaction(transaction_id)
                if known is not None and known["client"] == CLIENT and known["document_id"] == name:
                    found.append((name, str(known["jobs"][-1]["state"]) if known["jobs"] else known["state"]))
        return found

    def _systems_of(self, plan: Plan) -> dict[Side, SystemId]:
        if set(plan.systems) != set(SIDES):
            raise BadInput(
                "systems: the plan names no ERPs: it was made from extracts",
                mend="check it against newer extracts, or propose from a run of the router",
            )
        return {side: SystemId(plan.systems[side]) for side in SIDES}

    # Applying

    async def apply(self, plan: Plan, *, by: str, approved_by: str) -> list[Finding]:
        """Do what is set to apply and still ready, each judged again right before; the findings.

        A finding `applied` was handed to delivery; every other one says why it was not. Raises FourEyes.
        """
        if (
            not by.strip()
            or not approved_by.strip()
            or by.strip().casefold() == approved_by.strip().casefold()
        ):
            raise FourEyes(
                "a repair needs by and approved_by, two people", mend="have somebody else approve it"
            )
        found = []
        for one in plan.proposals:
            if one.decision != "apply":
                continue
            (verdict,) = await self.check(plan, only=[one.id])
            if verdict.verdict == "ready":
                verdict = await self._apply(plan, one, {"by": by, "approved_by": approved_by})
            found.append(verdict)
        return found

    async def _apply(self, plan: Plan, one: Proposal, said: Mapping[str, str]) -> Finding:
        noted = {**said, "run_id": plan.run_id, "rule": one.rule, "action": one.action}
        target = SystemId(one.system)
        if one.action == "resend":
            names = [(one.kind, _id_of(one.key))]
            standing = (await self._gathering.standings(names, self._systems_of(plan)))[names[0]]
            try:
                again = await self._journal.send_again(
                    standing.transaction_id, target=target, proposal=one.id, said=noted
                )
            except Refused as error:
                return Finding(id=one.id, verdict="blocked", why=error.one_line())
            return Finding(id=one.id, verdict="applied", why=f"{standing.transaction_id} is {again}")
        submissions = [self._submission(one, row, target, noted) for row in one.documents]
        answers = await self._journal.accept(submissions)
        odd = [one for one in answers if not isinstance(one, Accepted)]
        if odd:
            return Finding(id=one.id, verdict="blocked", why="another document has one of its ids already")
        made = ", ".join(str(row["document"]["document_id"]) for row in one.documents)
        return Finding(id=one.id, verdict="applied", why=f"{made} on the way to {target}")

    def _submission(
        self, one: Proposal, row: Mapping[str, Any], target: SystemId, noted: Mapping[str, str]
    ) -> Submission:
        document = documents.parsed(row["document"])
        if isinstance(document, WriteOff):
            document = document.model_copy(update={"approved_by": noted["approved_by"]})
        role, of_kind, of_id = row["as"], row["of"]["kind"], row["of"]["id"]
        correction = Correction(
            system=target, kind=document.kind, document_id=document.document_id, role=role, of_kind=of_kind, of_id=of_id
        )  # fmt: skip
        event = wrap(document, source="/repairs", event_id=document.document_id, verb=document.verbs[0])
        job = NewJob(
            target=target,
            role="shadow",  # it is no authority's: the firm's document is the one it corrects
            operation="create",
            external_id=document.document_id,
            lane=LaneKey(lane_of("shadow", document.ordering_key)),
            kind=document.kind,
        )
        return Submission(
            client=CLIENT,
            idempotency_key=f"{one.id} {document.document_id}",
            received=orjson.dumps(event),
            source="/repairs",
            event_id=document.document_id,
            verb=document.verbs[0],
            document=document,
            kind=document.kind,
            jobs=(job,),
            deliver=False,
            notes=((NOTE, {"proposal": one.id, **correction.to_json(), **noted}),),
        )


def _names(found: Iterable[Break]) -> list[Name]:
    return list(dict.fromkeys((one.kind, _id_of(one.key)) for one in found if one.kind and _id_of(one.key)))


def _id_of(key: Mapping[str, str]) -> str:
    """The document a break is about; empty where its key does not say."""
    for name in ("document_id", "external_id"):
        if name in key:
            return key[name]
    return ""


def _told_of(made: Sequence[Made], standing: Standing | None) -> list[dict[str, Any]]:
    """Documents as a plan has them: what each is, of which row, and the document itself."""
    if standing is None:
        return []
    of = {"kind": standing.kind, "id": standing.document_id}
    return [
        {"as": role, "of": of, "document": one.model_dump(mode="json", exclude_none=True)}
        for role, one in made
    ]


def _draft_of(one: Proposal) -> Draft:
    """The draft a proposal was made from."""
    breaks = tuple(
        Break(
            key=one.key,
            kind=one.kind,
            what=held.what,
            level=held.level,
            column=held.column,
            currency=held.currency,
            # A delta without a currency is one of minutes: it moves no money.
            delta_minor=Money.parse(held.delta, held.currency).minor
            if held.delta and held.currency
            else None,
            legal_entity=one.legal_entity,
            cause=held.cause,
            code=held.code,
            counted=held.counted,
        )
        for held in one.breaks
    )
    side: Side | None = one.side or None
    assert one.action in POSTING
    return Draft(rule=one.rule, action=one.action, side=side, why=one.why, owner="legacy", breaks=breaks)
