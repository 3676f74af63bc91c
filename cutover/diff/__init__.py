"""`coexist diff`: compares two extracts with the engine of the dual run and writes what was found.

For people who have two files and no router. `comparing` builds the objects and lets the breaks stream
into a staging folder; `tally` counts them on the way, `summary` puts the figures together, and
`workbook`, `junit` and `page` are pure functions of `summary.json` and `breaks.jsonl`. Nothing here
decides what a break is or why: that is `router.dualrun`. Same inputs, policy and day: same bytes.
"""
