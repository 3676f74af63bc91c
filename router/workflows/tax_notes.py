"""Makes an invoice sent line by line say what its tax code demands."""

from __future__ import annotations

from dataclasses import replace

from router.canonical.billing import Invoice
from router.finance.tax import invoice_note, with_note
from router.journal.port import Submission
from router.landscape import Landscape


class TaxNotes:
    """Adds the reverse-charge sentence to the text of lines under such a code; a sender's code stays."""

    kinds: frozenset[str] = frozenset({"invoice"})
    alone = False

    def __init__(self, *, landscape: Landscape) -> None:
        self._codes = landscape.tax_codes

    async def look(self, submission: Submission) -> Submission:
        """The invoice with its sentences; unchanged where none is missing."""
        invoice = submission.document
        if not isinstance(invoice, Invoice):
            return submission
        lines = tuple(
            line.model_copy(
                update={"description": with_note(line.description, invoice_note(line.tax_code, self._codes))}
            )
            for line in invoice.lines
        )
        if lines == invoice.lines:
            return submission
        return replace(
            submission,
            document=invoice.model_copy(update={"lines": lines}),
            as_sent=submission.as_sent or invoice,
        )
