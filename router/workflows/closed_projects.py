"""What follows from a project being closed: no more work on it, and the PSA archives it."""

from __future__ import annotations

from router.canonical.kinds import Kind
from router.canonical.masters import Project
from router.connectors.port import Answer, Posted
from router.journal.port import FollowUp, Job, NewJob, Submission
from router.model import LaneKey, SystemId
from router.workflows.close_out import WORK
from router.workflows.directory import Directory
from router.workflows.submissions import parked

CLOSED = "project-closed"


class ClosedProjects:
    """A Vet: work on a closed project is parked until the project is open again."""

    kinds: frozenset[Kind] = frozenset({*WORK, "assignment"})
    alone = False

    def __init__(self, *, directory: Directory) -> None:
        self._directory = directory

    async def look(self, submission: Submission) -> Submission:
        """Judge one; costs a look at what this process knows."""
        name = getattr(submission.document, "project_id", None)
        project = self._directory.get(Project, name) if name else None
        if project is None or project.status != "closed":
            return submission
        return parked(
            submission,
            f"project {name} is closed: open it again (send the project with status active), or have the"
            f" {submission.kind.replace('_', ' ')} moved to another project in the PSA, then replay",
            CLOSED,
        )


class ProjectArchive:
    """A Follower: once its ERP has closed a project, the PSA archives it, so that nobody books on it."""

    def __init__(self, *, psa: SystemId | None) -> None:
        self._psa = psa

    async def follow_up(self, job: Job, answer: Answer) -> FollowUp:
        """The archiving of a project that was just closed in its ERP."""
        project = job.document
        closed = isinstance(project, Project) and project.status == "closed"
        if self._psa is None or not closed or job.role != "authority" or not isinstance(answer, Posted):
            return FollowUp()
        name = project.document_id
        archive = NewJob(
            target=self._psa,
            role="feedback",
            operation="cancel",
            external_id=name,
            lane=LaneKey(name),
            kind="project",
        )
        return FollowUp(jobs=(archive,))
