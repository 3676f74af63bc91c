"""The report of a rehearsal: a pure function of the journal and the options, byte for byte (D13).

`data` builds report.json; `html` renders the same object for people: offline, printable, a real
table beside each chart. Neither asks what time it is.
"""
