"""Cross-checks: what one system says of the firm's hours, invoices, intercompany and revenue, against another.

`check` holds the shape of every check and its breaks; `hours`, `invoices`, `entities` and `revenue` say what is
compared with what. All of these are pure. `service` alone reads systems and the journal. Nothing here repairs or
posts anything.
"""
