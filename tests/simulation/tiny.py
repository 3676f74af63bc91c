"""The tiny cutover under its old address: it is part of the product, whose control runs rehearse it too."""

from cutover.proving.tiny import (
    BILLS_AT,
    END,
    FAULTS,
    LOST_COMMIT,
    LOST_INVOICE,
    PAID_LATER,
    SEED,
    SLOT,
    START,
    STORM,
    TINY,
    WAVES,
    paced,
    rehearse_tiny,
    tiny_options,
    tiny_plan,
)

__all__ = [
    "BILLS_AT",
    "END",
    "FAULTS",
    "LOST_COMMIT",
    "LOST_INVOICE",
    "PAID_LATER",
    "SEED",
    "SLOT",
    "START",
    "STORM",
    "TINY",
    "WAVES",
    "paced",
    "rehearse_tiny",
    "tiny_options",
    "tiny_plan",
]
