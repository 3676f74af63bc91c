"""Causes of differences, proven by exact arithmetic: facts in, explanations out.

For: saying of each difference where it comes from, with the numbers a finance person checks it by.
A cause follows from the data or it isn't given: what can't be shown is `unexplained`, with what was
tried as evidence. Must not: read files or databases, know DuckDB, guess. `judge.ExtractJudge` is the
way in; each other module holds the rules of one field (rounding, tax, fx, words, dates, rows).
"""
