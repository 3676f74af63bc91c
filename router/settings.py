"""One frozen object of settings, read once and passed down; unknown keys are refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Limits and intervals of one gateway. Sizes in bytes, times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body_max: Annotated[int, Field(ge=1024)] = 1_000_000
    """One transaction; an invoice of 2,000 lines is about 400 kB."""
    batch_body_max: Annotated[int, Field(ge=1024)] = 32_000_000
    batch_lines_max: Annotated[int, Field(ge=1)] = 10_000
    backlog_max: Annotated[int, Field(ge=1)] = 500_000
    """Unsettled jobs at which new work is refused with 503: a bound on what a crash must recover."""
    poll_s: Annotated[int, Field(ge=1)] = 300
    """How often the change feeds of CRM and PSA are asked while something happens there."""
    poll_pages_max: Annotated[int, Field(ge=1)] = 1_000
    """Pages read in one go before other feeds get their turn."""
