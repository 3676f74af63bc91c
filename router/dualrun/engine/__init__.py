"""The comparison engine: pairs two tables, compares them column by column, ties their totals (D12).

Everything is SQL over sets, in a DuckDB that spills; Python sees only what differs. Money is integer
minor units. It knows extracts and policies, never where rows came from, nor why anything differs: that
is for `router.dualrun.explain`. Order of work: `load` (typed tables), `pairing` (crosswalk, key,
fallback), `marking` (which pairs differ), `totals` and `hiding` (sums), `documents` (views).
"""

from router.dualrun.engine.comparison import TableComparison

__all__ = ["TableComparison"]
