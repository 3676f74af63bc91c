"""The run book: the weekend on paper, for the people who do it, with owners, times and room to sign.

Made from the plan, and from a rehearsal's report where there is one, so that nobody copies times by hand. It
reads; it never runs anything.
"""
