"""Load scenarios against a running gateway, and the verdict a release can be judged by.

It stands outside the path of a transaction: it sends what a CRM or PSA would send, over HTTP, at moments
that were fixed before the run, and judges not only the answers but what became of every document. It stands
above `cutover`, whose virtual time predicts a run; of `cutover`, only the command line knows this package.

Importing locust patches the standard library, so `loadtests/generator` alone may import it, and nothing
imports that: it runs as processes of its own (`tests/test_tidy.py`).
"""
