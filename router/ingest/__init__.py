"""Where transactions come in: the gateway's API and the change feeds of CRM and PSA.

On the path: first. It authenticates (a seam: see `principal`), bounds, validates, enriches and hands
over to the journal, which deduplicates, fences, routes and stores in one commit. Nothing is answered
before it is durable; nothing is kept in memory that a crash would lose.
"""
