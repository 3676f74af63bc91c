"""The firm's accounting rules, pure: facts in, amounts and documents out.

Caps and retainers, fees and proration, exchange rates, tax, recognised revenue, transfer prices,
fiscal periods. Every rule rounds once, by a named rule, and what is split sums to the whole. No
module here reads or writes anything: `router.workflows` brings the facts and carries the result,
the journal counts what is bounded (`Draw`). Nothing here knows an ERP.
"""
