"""The same scenario in virtual time: the schedule and its documents through a rehearsed gateway.

It predicts what waiting and limits make of the load (backlog, delivery, calls to the ERPs); processor time does not
pass in virtual time, so answers' latencies are not predicted.
"""
