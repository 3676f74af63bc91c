"""What the firm's processes plug into: they accompany an acceptance, or follow a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from router.canonical.kinds import Kind
from router.connectors.port import Answer
from router.journal.port import FollowUp, Job, Submission

Along = tuple[Sequence[Submission], Sequence[Submission]]
"""What is accepted before a submission and what after it, in the same commit."""


class Companion(Protocol):
    """A process that accepts documents of its own along with some kinds."""

    kinds: frozenset[Kind]

    async def along(self, submission: Submission) -> Along:
        """What comes before and after a submission that has a document.

        Identities are derived from it, so that a repeat, a crash or a replay names the same ones.
        """
        ...


class Follower(Protocol):
    """A process that goes on when a job is posted, or refused or dead for good."""

    async def follow_up(self, job: Job, answer: Answer) -> FollowUp:
        """What is committed together with the settlement."""
        ...
