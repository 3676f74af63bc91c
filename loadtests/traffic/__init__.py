"""What the requests of a scenario carry: a pure function of scenario, seed, stream and ordinal.

Nothing of a request needs to be kept to judge the run afterwards: what was sent can be made again.
"""
