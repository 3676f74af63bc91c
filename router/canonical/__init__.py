"""The documents everything agrees on: strict, frozen, exact in money, versioned.

On the path: ingest turns what arrived into these; routing reads their header; the journal stores
them; connectors translate them to one vendor's protocol and back. They know no vendor, no database
and no clock.
"""

from router.canonical.documents import Document
from router.canonical.kinds import KINDS, Kind, model_of, parse
from router.canonical.money import Money, round_half_even, round_half_up

__all__ = ["KINDS", "Document", "Kind", "Money", "model_of", "parse", "round_half_even", "round_half_up"]
