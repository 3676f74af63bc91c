"""The durable truth (D3): transactions, decisions, lanes, jobs, attempts, crosswalk, epochs, breaks.

On the path: ingest and workflows `accept`, delivery `claim`s lanes and `settle`s them, cutover
`switch`es. One class on SQLite (run inline) and PostgreSQL (run in a worker thread); concurrent
callers share a commit. Intent is written before a call, outcome after it; nothing is updated that
an auditor may ask for. It decides nothing: routing and follow-ups are functions given to it.
"""
