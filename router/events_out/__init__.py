"""Business events: what happened to the firm's business, told to whoever listens, as CloudEvents.

On the path: behind the journal, reading only. An event is derived from the lines of the journal's
history, by pure rules, so the same journal gives the same events with the same ids in the same order,
and there is nothing to send again after a crash. `catalogue` says what each means and when it is told;
`decisions` derives; `feed` pages. Nothing is told of shadows and of feedback to CRM and PSA: they are no
business facts. This room never writes and never decides.
"""
