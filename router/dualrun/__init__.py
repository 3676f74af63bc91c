"""The dual run: what both ERPs hold, paired, compared at four levels, every difference explained.

Count, money, status, dimensions: always all four. Amounts are integer minor units from the read-back
to the report (D9, D12). Every break is stored; a sample is only a matter of display. Two ways lead
through the same engine, causes and clusters:

- extracts of any origin: `extracts` read them, `engine` compares them, `causes` explain them;
- two live ERPs: `books` reads them back, `reading_back` makes tables of documents and, matched by
  `line_matching`, of their lines, `kind_comparison` compares a kind, `live_causes` explain it, `grace`
  says what is still on its way, and `service` does all of it and stores the run.

A key that stands twice on one side is a break of its own, never paired by position. A delivery that is
not settled makes its document pending (D8); what was touched within the grace period is read once more
before it is a break. A comparison states its consistency point. Money counts once: that of lines stands
in their document, that of kinds is never added up. Every control total is walked from the legacy ERP's
to the cloud's, and a walk that does not arrive is an error of the run (I7).

Must not: write to an ERP (`repairs` proposes, through the ordinary doors), or know a vendor.
"""
