"""How long a wave takes to drain: predicted in virtual time, measured on real sockets, side by side.

A rehearsal's minutes are worth what its simulation of waiting is worth. This is the check: the same scenario
(masters in place, a wave frozen, work held, released at once) is played in virtual time and by `coexist serve`
and `coexist simulate` on the wall clock, and both journals say from their own times how long the lanes ran.
"""
