"""Reads extracts of any origin, exactly: CSV in every dialect, Parquet and JSON lines to rows of text.

What it is for: a file of either ERP becomes a `Source`, whose cells are the very text that stood in it,
whatever delimiter, encoding, number format or container it came in; and `propose_policy` reads two files
and writes the policy that would compare them. What it must not do: repair, guess or drop. A file that
can't be read for sure is refused with one line that names file, row and mend. It compares nothing.
Where it sits: between the user's files and `router.dualrun.engine`, on a `Workbench`.
"""

from __future__ import annotations

from router.dualrun.extracts.proposing import propose_policy
from router.dualrun.extracts.reading import Extract, inspected, read_crosswalk, read_extract

__all__ = ["Extract", "inspected", "propose_policy", "read_crosswalk", "read_extract"]
