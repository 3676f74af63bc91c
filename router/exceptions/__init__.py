"""What waits for a person: every type of exception with its guidance, its owner and how long it may wait.

On the path: beside it. An exception is no row of its own but a fact seen from the side of the person
who must act: a parked transaction, a delivery that was refused or given up, a conflict of ownership, an
unexplained break, an intercompany mismatch. So nothing can be an exception and be forgotten, and an
exception ends by itself when its fact does. What people do with one (assign, note, resolve, correct) is
kept in the journal with who and why. `catalogue` is data, `decisions` and `classify` are pure;
`service` reads, asks them and acts. This room never decides where a document goes and never posts.
"""
