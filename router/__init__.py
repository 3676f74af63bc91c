"""What runs in production: the path of a transaction, one folder a step.

ingest → canonical → routing → journal → delivery → connectors, with workflows and dualrun
reacting to outcomes. Nothing here imports simulators, cutover or loadtests: a rehearsal runs
this code unchanged, on another clock and against other servers.
"""
