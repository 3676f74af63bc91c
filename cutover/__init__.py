"""The top floor: plans that are proven before they are run.

It owns plans, gates, the runner (one for rehearsal and live), virtual time, the invariant checkers,
the report and the command line. It may import router and simulators; neither knows it.
"""
