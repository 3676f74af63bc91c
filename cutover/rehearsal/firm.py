"""The firm that is rehearsed: the fictional one of a size, or the user's own extracts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cutover.rehearsal.options import Options
from router.errors import BadInput
from simulators.firm.build import build
from simulators.firm.extracts import BadExtracts, read_extracts
from simulators.firm.firm import Firm
from simulators.firm.model import SIZES

NEEDED = ("customers", "people", "projects", "time")
"""Without these there is no month to rehearse."""


def build_firm(options: Options) -> tuple[Firm, list[dict[str, Any]]]:
    """The firm and, for extracts, the rows that were left out with why."""
    if options.extracts is None:
        return build(options.landscape_data, seed=options.seed, size=options.firm or SIZES[options.size]), []
    try:
        firm, errors = read_extracts(options.extracts, options.landscape_data)
    except BadExtracts as error:
        raise BadInput(str(error)) from error
    missing = [name for name in NEEDED if not getattr(firm, name)]
    if missing:
        # Nothing to rehearse: an empty weekend would end in a verdict that means nothing.
        told = f"no {', no '.join(missing)} could be read from {options.extracts}"
        raise BadInput(told, mend=str(errors[0]) if errors else "look at the files that mapping.yaml names")
    return firm, [asdict(error) | {"text": str(error)} for error in errors]
