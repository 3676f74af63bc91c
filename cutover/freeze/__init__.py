"""What was written while a scope stood frozen: held by the router, or posted in an ERP beside it.

A freeze that only the router keeps is no freeze. `beside` asks the ERPs during the run, once a reconcile;
`observed` tells of every freeze from the log and the journal, and is pure.
"""
