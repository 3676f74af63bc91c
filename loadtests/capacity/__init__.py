"""The highest rate at which the verdict still passes, by bisection.

`decisions.py` is pure: probes made so far in, the next rate to try or the answer out. `finding.py` runs the probes
through what it is given and writes capacity.json and capacity.html. It starts nothing itself.
"""
