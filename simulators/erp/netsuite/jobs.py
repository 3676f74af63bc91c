"""Asynchronous requests: a job a request, done when its time has come on the clock.

Nothing runs in the background: each request (and the back door) first runs the jobs that are due, in the
order they fall due, which gives the same trace however often somebody polls. One job has one task; its
result lists each record's outcome in the order of the request (shape unverified).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from simulators.core.clock import Clock
from simulators.core.money import loads_exact
from simulators.erp.netsuite.errors import SuiteTalkError, no_such
from simulators.erp.netsuite.shapes import dumps

MAX_RECORDS = 100
"""Records of one batch request (vendor documentation)."""
KEPT_JOBS = 20_000

Execute = Callable[["Job"], list[dict[str, Any]]]


@dataclass(slots=True, kw_only=True)
class Job:
    """One asynchronous request: `items` of one record type, to be created, changed or upserted."""

    id: str
    method: str
    record_type: str
    items: list[Any]
    collection: bool
    base: str
    due: str
    started: str
    key: str = ""
    target: str = ""
    results: list[dict[str, Any]] | None = field(default=None)


class Jobs:
    """The account's job queue."""

    def __init__(self, *, clock: Clock, start_s: Decimal, per_record_s: Decimal) -> None:
        self._clock = clock
        self._start_s, self._per_record_s = start_s, per_record_s
        self.reset()

    def reset(self) -> None:
        """Forget every job."""
        self._jobs: dict[str, Job] = {}
        self._by_key: dict[str, str] = {}
        self._pending: list[Job] = []
        self._last = 0

    def submit(
        self,
        *,
        method: str,
        record_type: str,
        items: list[Any],
        collection: bool,
        key: str,
        base: str,
        target: str = "",
    ) -> Job:
        """Queue a job; raises SuiteTalkError 400 when the idempotency key was used, with the first job's place."""
        if key and key in self._by_key:
            raise SuiteTalkError(
                400,
                "IDEMPOTENCY_ERROR",
                "The idempotency key was already used by another request.",
                title="Conflict",
                location=f"/services/rest/async/v1/job/{self._by_key[key]}",
            )
        now = self._clock.now()
        spent = self._start_s + self._per_record_s * len(items)
        self._last += 1
        job = Job(
            id=str(self._last),
            method=method,
            record_type=record_type,
            items=items,
            collection=collection,
            base=base,
            due=(now + timedelta(microseconds=int(spent * 1_000_000))).isoformat(),
            started=now.isoformat(),
            key=key,
            target=target,
        )
        self._jobs[job.id] = job
        self._pending.append(job)
        if key:
            self._by_key[key] = job.id
        if len(self._jobs) > KEPT_JOBS:
            oldest = next(iter(self._jobs.values()))
            del self._jobs[oldest.id]
            self._by_key.pop(oldest.key, None)
        return job

    def run_due(self, execute: Execute) -> None:
        """Do the jobs whose time has come."""
        if not self._pending:
            return
        now = self._clock.now()
        due = [job for job in self._pending if datetime.fromisoformat(job.due) <= now]
        for job in sorted(due, key=lambda job: (job.due, int(job.id))):
            self._pending.remove(job)
            job.results = execute(job)
            job.items = []

    def view(self, job_id: str, rest: list[str], base: str) -> Any:
        """The JSON of `job/{id}`, `…/task`, `…/task/1` or `…/task/1/result`; raises SuiteTalkError 404."""
        job = self._jobs.get(job_id)
        if job is None or rest not in ([], ["task"], ["task", "1"], ["task", "1", "result"]):
            raise no_such("job", job_id)
        here = f"{base}/services/rest/async/v1/job/{job.id}"
        if rest == ["task", "1", "result"]:
            return self._result(job)
        if rest == ["task"]:
            item = {"links": [{"rel": "self", "href": f"{here}/task/1"}]}
            return {"links": [{"rel": "self", "href": f"{here}/task"}], "items": [item], "totalResults": 1}
        done = job.results is not None
        shown: dict[str, Any] = {
            "links": [{"rel": "self", "href": here + ("/task/1" if rest else "")}],
            "completed": done,
            "id": rest[1] if rest else job.id,
            "progress": _progress(job),
            "startTime": job.started,
        }
        if done:
            shown["endTime"] = job.due
        if rest and done:
            shown["links"].append({"rel": "related", "href": f"{here}/task/1/result"})
        if not rest:
            shown["task"] = {"links": [{"rel": "self", "href": f"{here}/task"}]}
        return shown

    def _result(self, job: Job) -> Any:
        if job.results is None:
            raise no_such("result of job", job.id)
        return {"links": [], "items": job.results} if job.collection else job.results[0]

    def snapshot(self) -> dict[str, Any]:
        """JSON-able; Decimals as exact numbers."""
        jobs = [asdict(job) for job in self._jobs.values()]
        return {"last": self._last, "jobs": dumps(jobs).decode()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take a snapshot's jobs; raises ValueError, KeyError or TypeError when they are none."""
        self.reset()
        self._last = int(data["last"])
        for shown in loads_exact(data["jobs"]):
            job = Job(**shown)
            self._jobs[job.id] = job
            if job.key:
                self._by_key[job.key] = job.id
            if job.results is None:
                self._pending.append(job)


def _progress(job: Job) -> str:
    if job.results is None:
        return "pending"
    return "failed" if all(result.get("status", 204) >= 400 for result in job.results) else "succeeded"
