"""Which ERP owns a document today: route tables, their index, explanations and checks (D7, D11).

On the path: the journal calls `Tables` under the fence, with the table version in force for the
document's legal entity. Order of precedence: pin > lineage > table > default; what no rule covers,
or whose rule could not be evaluated, is unroutable, never guessed.

Users write rule-engine expressions. Their syntax trees are compiled into a bitmap index, effective
dates being one more dimension; what can't be indexed is evaluated for the few candidates left. The
price: one bit a clause and value (12 MB for 10,000 rules that each name another project). The linear
scan stays as the oracle; `tests/unit/test_routing_index.py` holds the two equal, raised errors included.

It must not do I/O, read a clock, or know a vendor.
"""

from router.routing.check import CheckReport, Gap, Overlap, Unreachable, check
from router.routing.compiled import Compiled, compile_table
from router.routing.decisions import decide
from router.routing.explain import Explanation, explain, explain_lines
from router.routing.facts import FIELDS, facts
from router.routing.table import RouteRule, RouteTable, read_table, table_from
from router.routing.tables import Tables

__all__ = [
    "FIELDS",
    "CheckReport",
    "Compiled",
    "Explanation",
    "Gap",
    "Overlap",
    "RouteRule",
    "RouteTable",
    "Tables",
    "Unreachable",
    "check",
    "compile_table",
    "decide",
    "explain",
    "explain_lines",
    "facts",
    "read_table",
    "table_from",
]
