"""Documents that lie across a switch: where the plan says they go, and where each one went.

Pure but for `reading`, which reads them from a finished run's journal. A document that went elsewhere than
the plan states is a violation, and a reason against the cutover.
"""
