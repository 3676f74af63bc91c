"""Writes to Kantata: projects with their reference, archiving, and status as external references.

There is no idempotency key and no unique title, so a project is looked up by its external reference
and, in case only that got lost, by the code its title begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.canonical.masters import Project
from router.connectors.bearer import BearerClient, Query
from router.connectors.http import Lost, NotSent, Outcome, Reply, Trace
from router.connectors.kantata.decisions import refusal, rows_of
from router.connectors.kantata.feeds import API, SERVICE
from router.connectors.mapping import Mappings
from router.connectors.port import (
    Answer,
    Delivery,
    LookUpAnswer,
    Missing,
    NoAnswer,
    NotThere,
    Posted,
    SaidNo,
    TryLater,
)
from router.errors import VendorUnknown

STANDARD = "STANDARD"
"""The template that may be missing; any other must exist."""
TITLE_MAX = 255


class Writer:
    """Single writes, each answered as a value."""

    def __init__(self, http: BearerClient, mappings: Mappings) -> None:
        self._http = http
        self._mappings = mappings
        self._templates: dict[str, str] = {}

    # --- projects -------------------------------------------------------------------------------

    async def create_project(self, delivery: Delivery, trace: Trace) -> Answer:
        """A workspace from its template, with the project code as reference, in one request."""
        project = delivery.document
        assert isinstance(project, Project)
        template = await self._template(project.template, trace)
        if not isinstance(template, str):
            return template
        code = delivery.external_id
        mapping = self._mappings.as_of(delivery.mapping_of)
        workspace: dict[str, Any] = {
            mapping.field("project", "name"): f"{code} {project.name}"[:TITLE_MAX],
            "creator_role": "maven",
            mapping.field("project", "currency"): project.currency,
            mapping.field("project", "starts"): project.starts.isoformat(),
            mapping.field("project", "ends"): project.ends.isoformat() if project.ends else None,
            "external_reference": {
                "service_name": SERVICE,
                "service_model": "Project",
                "service_model_ref": code,
                "status": "successful",
            },
        }
        if template:
            workspace[mapping.field("project", "template")] = template
        group = delivery.refs.get(("customer", project.customer_id))
        if group:
            workspace[mapping.field("project", "customer_id")] = group
        query = (("include", "external_references"),)
        outcome = await self._http.call(
            "POST", f"{API}/workspaces.json", trace, query=query, body={"workspace": workspace}
        )
        body = accepted(outcome)
        if not isinstance(body, Mapping):
            return body
        found = _first(body, "workspaces")
        if found is None:
            return NoAnswer(reason="the answer names no workspace")
        return await self._referred(found, code, trace)

    async def _referred(self, workspace: Mapping[str, Any], code: str, trace: Trace) -> Posted | NoAnswer:
        """Make sure the workspace carries our reference; without it nobody finds it again."""
        workspace_id = str(workspace["id"])
        if workspace.get("external_reference_ids"):
            return Posted(vendor_id=workspace_id)
        reference = {
            "service_name": SERVICE,
            "service_model": "Project",
            "service_model_ref": code,
            "subject_type": "Workspace",
            "subject_id": workspace_id,
            "status": "successful",
        }
        written = await self._refer(reference, trace)
        if isinstance(written, Posted):
            return Posted(vendor_id=workspace_id)
        return NoAnswer(reason="the project is there, its reference could not be written yet")

    async def _template(self, name: str, trace: Trace) -> str | Answer:
        """The id of a template, empty when the standard one is not kept here."""
        if name in self._templates:
            return self._templates[name]
        query = (("search", name), ("per_page", "200"))
        outcome = await self._http.call("GET", f"{API}/project_templates.json", trace, query=query)
        try:
            rows = _listed(outcome, "project_templates")
        except VendorUnknown as error:
            return TryLater(
                reason=f"project templates: {error.message}",
                after_s=error.retry_after_s,
                throttled=error.throttled,
            )
        called = self._mappings.newest.field("project.template", "name")
        found = sorted(str(row["id"]) for row in rows if str(row.get(called)).casefold() == name.casefold())
        if not found and name != STANDARD:
            return SaidNo(
                code="UNKNOWN_TEMPLATE", message=f"Kantata has no project template {name}", field="template"
            )
        self._templates[name] = found[0] if found else ""
        return self._templates[name]

    async def find_project(self, code: str, trace: Trace) -> LookUpAnswer:
        """The workspace of a project code; mends a lost reference. Raises nothing."""
        query: Query = (("subject_type", "Workspace"), ("service_name", SERVICE), ("service_model_ref", code))
        try:
            outcome = await self._http.call("GET", f"{API}/external_references.json", trace, query=query)
            rows = [
                row for row in _listed(outcome, "external_references") if row.get("service_model_ref") == code
            ]
            if rows:
                return Posted(vendor_id=min((str(row["subject_id"]) for row in rows), key=_number))
            query = (
                ("search", code),
                ("include_archived", "true"),
                ("include", "external_references"),
                ("per_page", "200"),
            )
            outcome = await self._http.call("GET", f"{API}/workspaces.json", trace, query=query)
            called = self._mappings.newest.field("project", "name")
            titled = [
                row for row in _listed(outcome, "workspaces") if str(row.get(called)).startswith(f"{code} ")
            ]
        except VendorUnknown as error:
            return NoAnswer(reason=error.message)
        if not titled:
            return NotThere()
        return await self._referred(min(titled, key=lambda row: _number(str(row["id"]))), code, trace)

    async def archive_project(self, delivery: Delivery, trace: Trace) -> Answer:
        """Cancelling a project archives its workspace."""
        found = await self.workspace_of(
            delivery.external_id, delivery.refs.get(("project", delivery.external_id)), trace
        )
        if not isinstance(found, str):
            return (
                SaidNo(code="NOT_FOUND", message=f"no project {delivery.external_id}")
                if isinstance(found, Missing)
                else found
            )
        path = f"{API}/workspaces/{found}.json"
        status = self._mappings.as_of(delivery.mapping_of).field("project", "status")
        body = accepted(await self._http.call("PUT", path, trace, body={"workspace": {status: True}}))
        return Posted(vendor_id=found) if isinstance(body, Mapping) else body

    async def is_archived(self, delivery: Delivery, trace: Trace) -> LookUpAnswer:
        """Whether a cancelled project is archived."""
        found = await self.find_project(delivery.external_id, trace)
        if not isinstance(found, Posted):
            return found
        query = (("only", found.vendor_id), ("include_archived", "true"))
        try:
            rows = _listed(
                await self._http.call("GET", f"{API}/workspaces.json", trace, query=query), "workspaces"
            )
        except VendorUnknown as error:
            return NoAnswer(reason=error.message)
        status = self._mappings.newest.field("project", "status")
        return found if rows and rows[0].get(status) is True else NotThere()

    async def workspace_of(self, code: str, known: str | None, trace: Trace) -> str | Missing | TryLater:
        """The id of a project's workspace, from the crosswalk or by asking."""
        if known:
            return known
        found = await self.find_project(code, trace)
        if isinstance(found, Posted):
            return found.vendor_id
        if isinstance(found, NotThere):
            return Missing(kind="project", document_id=code)
        return TryLater(reason=found.reason)

    # --- status -----------------------------------------------------------------------------------

    async def tell(self, delivery: Delivery, trace: Trace) -> Answer:
        """Keep an invoice's or time entry's status as an external reference of its subject."""
        reference = await self._status(delivery, trace)
        return await self._refer(reference, trace) if isinstance(reference, dict) else reference

    async def was_told(self, delivery: Delivery, trace: Trace) -> LookUpAnswer:
        """Whether the reference says what we would write."""
        wanted = await self._status(delivery, trace)
        if not isinstance(wanted, dict):
            return NoAnswer(reason=wanted.reason) if isinstance(wanted, TryLater) else NotThere()
        query = tuple((name, str(wanted[name])) for name in ("subject_type", "subject_id", "service_name"))
        try:
            outcome = await self._http.call("GET", f"{API}/external_references.json", trace, query=query)
            rows = _listed(outcome, "external_references")
        except VendorUnknown as error:
            return NoAnswer(reason=error.message)
        for row in rows:
            if all(str(row.get(name)) == str(value) for name, value in wanted.items()):
                return Posted(vendor_id=str(row["id"]))
        return NotThere()

    async def _status(self, delivery: Delivery, trace: Trace) -> dict[str, Any] | Missing | TryLater | SaidNo:
        facts = delivery.facts
        mapping = self._mappings.as_of(delivery.mapping_of)
        group = "time_entry.status" if delivery.subject == "time_entry" else "invoice"
        status = {
            "status": "successful",
            mapping.field(group, "status"): str(facts.get("status") or "")[:100],
        }
        if delivery.subject == "time_entry":
            document_id = delivery.document.document_id
            if not document_id.startswith("TE-"):
                return SaidNo(code="NOT_OURS", message=f"{document_id} did not come from Kantata")
            own = {"service_name": SERVICE, "service_model": "TimeEntry"}
            own[mapping.field(group, "document_id")] = document_id
            return {**own, "subject_type": "TimeEntry", "subject_id": document_id[3:], **status}
        code = str(facts.get("project_id") or "")
        if not code:
            return SaidNo(code="NO_REFERENCE", message="no project to write to is given", field="project_id")
        workspace = await self.workspace_of(code, delivery.refs.get(("project", code)), trace)
        if not isinstance(workspace, str):
            return workspace
        number = str(facts.get("number") or facts.get("invoice_id") or "")
        total = f"{facts.get('total') or ''} {facts.get('currency') or ''}".strip()
        return {
            # One reference a service and subject, so that each invoice is a service of its own.
            "service_name": f"{SERVICE}:{facts.get('invoice_id') or number}",
            "service_model": "Invoice",
            mapping.field(group, "number"): number,
            "subject_type": "Workspace",
            "subject_id": workspace,
            **status,
            mapping.field(group, "total"): total,
        }

    async def _refer(self, reference: Mapping[str, Any], trace: Trace) -> Answer:
        path = f"{API}/external_references/create_or_update.json"
        body = accepted(await self._http.call("POST", path, trace, body={"external_reference": reference}))
        if not isinstance(body, Mapping):
            return body
        found = _first(body, "external_references")
        return (
            Posted(vendor_id=str(found["id"]))
            if found is not None
            else NoAnswer(reason="the answer names no reference")
        )


def accepted(outcome: Outcome) -> Mapping[str, Any] | SaidNo | TryLater | NoAnswer:
    """The body of a write that was taken, or what else its answer says."""
    if isinstance(outcome, NotSent):
        return TryLater(reason=outcome.reason, after_s=outcome.after_s, throttled=outcome.throttled)
    if isinstance(outcome, Lost):
        return NoAnswer(reason=outcome.reason)
    body = outcome.json()
    if outcome.status in (200, 201):
        return body if isinstance(body, Mapping) else NoAnswer(reason="the answer is no JSON object")
    return refusal(outcome.status, body, outcome.retry_after_s) or NoAnswer(reason=f"status {outcome.status}")


def _listed(outcome: Outcome, collection: str) -> list[Mapping[str, Any]]:
    if isinstance(outcome, Reply) and outcome.status == 200:
        body = outcome.json()
        if isinstance(body, Mapping):
            return rows_of(body, collection)
        raise VendorUnknown("the answer is no JSON object")
    if isinstance(outcome, Reply):
        throttled = outcome.status == 429
        raise VendorUnknown(
            f"status {outcome.status}", retry_after_s=outcome.retry_after_s, throttled=throttled
        )
    raise VendorUnknown(outcome.reason)


def _first(body: Mapping[str, Any], collection: str) -> Mapping[str, Any] | None:
    try:
        rows = rows_of(body, collection)
    except VendorUnknown:
        return None  # told as NoAnswer by who asked
    return rows[0] if rows and isinstance(rows[0].get("id"), str) else None


def _number(text: str) -> tuple[int, str]:
    return len(text), text
