"""A rehearsal: the real router and the real simulators on virtual time, in one thread (D1).

One of the two places that build object graphs (the other is `router.app`). Inside it there is no
thread, no socket, no wall clock and no global random: the same seed gives the same report, byte for
byte.
"""
