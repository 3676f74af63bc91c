"""Executes a plan: the same steps, rehearsed or live (D14).

The runner knows the router only through `Controls`, so that it works on a rehearsed router in this
process and on a live journal alike. Every step is recorded before and after; a runner that starts
again skips what is done.
"""
