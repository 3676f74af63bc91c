"""A gateway and its simulators as processes of their own, on real sockets and the wall clock, and a router beside
their journal.

What the drain check, the load tests and the command line share of it. It starts, finds and stops; it measures and
judges nothing.
"""
