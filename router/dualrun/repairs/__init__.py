"""Repairs: what would put a break right, as a plan a person reads, decides and has applied.

For: turning breaks into proposals by rules, telling whether a proposal still fits what stands now, and
applying what two people agreed on. Must not: change a posted row (a correction is a business document
of its own), correct the ERP that owns a document to match the other one unless a rule says so in so
many words, or apply anything to rows that have moved since. Sits behind the dual run: reads its
breaks, writes through the journal's own doors.

Decision: a correction goes to one ERP only. The firm's own books are right or it would not be a
difference between two ERPs, so such a document draws on no cap, bills nothing and settles nothing in the
journal (its client is `coexist repair`, which those reads leave out), and the comparison sets it off
against the row it corrects. Price: what the ERP shows is the row, its opposite and its successor.
Guarded by tests/integration/test_repairs_live.py and tests/unit/test_repairs.py.
"""
