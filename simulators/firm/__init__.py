"""The fictional firm whose month-end every rehearsal lives through, or the user's own from extracts.

It is for: master data, rows for the source systems, and what people do in them during the rehearsed
days, all from (landscape, seed, size). It must not know the router: it speaks to source systems by
their own protocols, and to the gateway by published CloudEvents. On the path it stands before
everything: CRM and PSA are seeded from it, and its workload drives them.

    firm = build(landscape, seed=7, size=SMALL)      # or: firm, errors = read_extracts(folder, landscape)
    firm.masters()                                   # CloudEvents for the gateway
    firm.seeds()                                     # system name → rows for /_sim/seed
    workload(firm, start=..., end=..., seed=7)       # time-ordered actions
"""

from simulators.firm.actions import GATEWAY, Action, CreditInvoice, PayInvoice, Step
from simulators.firm.build import MONTH, build
from simulators.firm.extracts import BadExtracts, RowError, read_extracts
from simulators.firm.firm import Firm
from simulators.firm.model import DEFAULT, LARGE, SIZES, SMALL, Size
from simulators.firm.workload import workload

__all__ = [
    "DEFAULT",
    "GATEWAY",
    "LARGE",
    "MONTH",
    "SIZES",
    "SMALL",
    "Action",
    "BadExtracts",
    "CreditInvoice",
    "Firm",
    "PayInvoice",
    "RowError",
    "Size",
    "Step",
    "build",
    "read_extracts",
    "workload",
]
