"""What contracts agree, version by version, as the rules of billing ask for it."""

from __future__ import annotations

from router.canonical.masters import Contract, Project
from router.finance.terms import Terms
from router.workflows.directory import Directory


class Agreements:
    """Contracts of projects, with their history."""

    def __init__(self, *, directory: Directory) -> None:
        self._directory = directory

    async def contract_of(self, project_id: str) -> Contract | None:
        """The contract of a project; None where either is not known yet."""
        project = await self._directory.find(Project, project_id)
        return None if project is None else await self._directory.find(Contract, project.contract_id)

    async def terms(self, contract: Contract) -> tuple[Terms, ...]:
        """Every version of a contract that was accepted, in order."""
        found = await self._directory.agreement_of(contract.document_id)
        if found is None:
            return (
                Terms(
                    effective=contract.starts,
                    version=contract.contract_version,
                    lines=contract.lines,
                    ends=contract.ends,
                ),
            )
        return found.terms
