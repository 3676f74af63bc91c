"""Simulated ERPs, the end of a transaction's path: one folder a vendor.

A vendor folder translates its protocol to the shared books in `simulators.core.books` and back. It must
not reckon money itself: rounding, tax and billing follow the personality of its books, so
that two ERPs differ for the reasons real ones do. `build` in each folder makes one.
"""
