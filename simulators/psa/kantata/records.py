"""Creating and changing records: what the models refuse, and what follows from a change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from simulators.psa.kantata.errors import KantataError, invalid, system
from simulators.psa.kantata.listing import subject_collection
from simulators.psa.kantata.schema import APPROVABLE, COLLECTIONS, Collection
from simulators.psa.kantata.state import Account, Row, text_of

MINUTES_MAX = 1_440
TEXT_MAX = 65_535
REFERENCE_STATES = ("successful", "pending", "failed")
ROLES = ("maven", "buyer")
"""Teams of a project's creator: provider or client."""


class Records:
    """Checked writes on an account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, collection: Collection, given: Any) -> Row:
        """A new record; raises KantataError 422 naming the field."""
        values = self._checked(collection, given)
        for name in collection.required:
            if values.get(name) in (None, ""):
                raise invalid(name, f"{name} can't be blank")
        if collection.name == "workspaces" and values.pop("creator_role") not in ROLES:
            raise invalid("creator_role", "Please select a role for this project")
        reference = values.pop("external_reference", None)
        template = values.pop("project_template_id", None)
        if template is not None and self._account.find("project_templates", template) is None:
            raise invalid("project_template_id", "Project template does not exist")
        self._references_exist(collection, values)
        row = self._account.create(collection, values)
        if template is not None:
            self._from_template(row, str(template))
        if isinstance(reference, Mapping):
            self.refer({**reference, "subject_type": collection.subject, "subject_id": row["id"]})
        return row

    def create_many(self, collection: Collection, given: list[Any]) -> list[Row]:
        """All of them or, when one is wrong, none."""
        if len(given) > collection.bulk_max:
            raise system(422, f"Bulk requests are limited to {collection.bulk_max} objects")
        for item in given:
            values = self._checked(collection, item)
            for name in collection.required:
                if values.get(name) in (None, ""):
                    raise invalid(name, f"{name} can't be blank")
            self._references_exist(collection, values)
        return [self.create(collection, item) for item in given]

    def change(self, collection: Collection, record_id: str, given: Any) -> Row:
        """Change a record; raises 404, 422."""
        old = self._account.get(collection.name, record_id)
        if collection.name in APPROVABLE and (old["approved"] or old["is_invoiced"]):
            raise invalid(
                "base", f"This {collection.singular.replace('_', ' ')} is approved and can't be edited"
            )
        values = self._checked(collection, given)
        reference = values.pop("external_reference", None)
        values.pop("creator_role", None)
        self._references_exist(collection, {**old, **values})
        what = "updated"
        if collection.name == "stories" and values.get("state", old["state"]) != old["state"]:
            what = "state_changed"
            done = values["state"] == "completed"
            values["completed_at"] = text_of(self._account.now_s()) if done else None
        row = self._account.change(collection, old["id"], values, what=what)
        if isinstance(reference, Mapping):
            self.refer({**reference, "subject_type": collection.subject, "subject_id": row["id"]})
        return row

    def delete(self, collection: Collection, record_id: str) -> None:
        """Delete a record for good; raises 404, or 422 when it is approved or invoiced."""
        row = self._account.get(collection.name, record_id)
        if collection.name in APPROVABLE and (row["approved"] or row["is_invoiced"]):
            raise invalid("base", f"This {collection.singular.replace('_', ' ')} can't be deleted")
        self._account.delete(collection, row["id"])

    def refer(self, given: Any) -> Row:
        """Create or update the one reference a service has to a record (create_or_update)."""
        collection = COLLECTIONS["external_references"]
        values = self._checked(collection, given)
        for name in collection.required:
            if values.get(name) in (None, ""):
                raise invalid(name, f"{name} can't be blank")
        if values.get("status", "successful") not in REFERENCE_STATES:
            raise invalid("status", f"status is not one of {', '.join(REFERENCE_STATES)}")
        subject = subject_collection(str(values["subject_type"]))
        if subject is None:
            raise invalid("subject_type", "subject_type is not valid")
        subject_id = str(values["subject_id"])
        if self._account.find(subject.name, subject_id) is None:
            raise invalid("subject_id", "subject does not exist")
        values["subject_id"] = subject_id
        for row in self._account.references_of(subject.subject, subject_id):
            if row["service_name"] == values["service_name"]:
                return self._account.change(collection, row["id"], values)
        return self._account.create(collection, values)

    def _from_template(self, workspace: Row, template_id: str) -> None:
        for story in self._account.get("project_templates", template_id)["stories"]:
            values = {**story, "workspace_id": workspace["id"], "currency": workspace["currency"]}
            self._account.create(COLLECTIONS["stories"], values)

    def _checked(self, collection: Collection, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise system(400, f"{collection.singular} is missing")
        extra = ("external_reference", "currency", "creator_role", "project_template_id")
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name in ("approved", "active_submission_id", "completed_at", "is_invoiced"):
                continue  # read-only attributes are ignored, as unknown ones are
            if name not in collection.defaults and name not in extra:
                continue
            values[name] = self._value(collection, name, value)
        return values

    def _value(self, collection: Collection, name: str, value: Any) -> Any:
        if (
            name in ("date_performed", "date", "start_date", "due_date", "date_to_invoice")
            and value is not None
        ):
            return _day(name, value)
        if name == "time_in_minutes":
            minutes = _whole(name, value)
            if not 0 < minutes <= MINUTES_MAX:
                raise invalid(name, f"{name} must be between 1 and {MINUTES_MAX}")
            return minutes
        if name.endswith("_in_cents"):
            return _whole(name, value)
        if isinstance(collection.defaults.get(name), bool):
            if value in (True, False, "true", "false"):
                return value in (True, "true")
            raise invalid(name, f"{name} must be true or false")
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise invalid(name, f"{name} is too long")
        return value

    def _references_exist(self, collection: Collection, values: Mapping[str, Any]) -> None:
        for target, key in collection.belongs.values():
            record_id = values.get(key)
            if record_id is None or target.endswith("_submissions"):
                continue
            found = self._account.find(target, record_id)
            if found is None:
                raise invalid(key, f"{key} does not exist")
            if target == "workspaces" and found["archived"] and collection.name != "workspaces":
                raise invalid(key, "This project is archived")
            if target == "stories" and found["workspace_id"] != str(values.get("workspace_id")):
                raise invalid(key, "The task belongs to another project")


def _day(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise invalid(name, f"{name} is not a valid date") from None


def _whole(name: str, value: Any) -> int:
    if isinstance(value, str) and value.removeprefix("-").isdigit() and value.isascii():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**15:
        raise invalid(name, f"{name} is not a number")
    return value


__all__ = ["KantataError", "Records"]
