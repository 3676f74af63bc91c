"""The live weekend: the same runner and steps as a rehearsal, on the wall clock and a journal others work on too.

It must not decide anything of its own: the plan, the runner and the people's words in the log decide. It delivers
nothing either; gateway and workers do. It sits above `cutover.runner` and below the command line.
"""
