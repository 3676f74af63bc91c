"""A run from its first process to its verdict: start or find the systems, load masters, send, wait, judge."""
