"""Pairs of ERP extracts that agree but for planted defects, with the truth about every one of them.

For: testing a comparison, and an example to try one on. It must not know how differences are found:
it reckons by itself and imports nothing of the router. On no transaction's path.

    extracts = planted(seed=7, documents=60)     # rows, crosswalk, policy, truth
    write(extracts, folder)                      # the same as files, in the dialects of the two ERPs
"""

from simulators.extracts.dialects import FILES, write
from simulators.extracts.planting import CROSSWALK, DEFECTS, Planted, planted
from simulators.extracts.plot import Truth

__all__ = ["CROSSWALK", "DEFECTS", "FILES", "Planted", "Truth", "planted", "write"]
