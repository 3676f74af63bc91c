"""`make bench`: what the product is fast enough for, each figure a ratio to something anybody can check.

Every part runs in a process of its own and prints its rows as JSON: name, ratio, target, and what was
compared with what. Ratios come from rounds that alternate within one run, so a busy machine slows both
sides; the medians are kept.
"""
