"""What a run sent and heard: a line a request, written while the run goes on, read by the verdict.

Times are microseconds from the start of the run, so that generators on several machines agree.
"""
