"""Extract and load: what the new ERP must hold before it can take over, with control totals and tie-out.

`decisions` says what is staged and whether it arrived (pure), `port` what the load asks of a router,
`carrying` answers it. Everything goes through the journal as an ordinary delivery, so exactly once, also when a
load is begun again after a crash; nothing is written to an ERP from here.
"""
