"""Control runs: the product with one known bug must be found out, or what finds nothing proves nothing (D13).

A mutant is the smallest change of the product that has the bug, planted for one rehearsal in this process
and taken out again. Nothing outside this package may import a mutant, and the router can't.
"""
