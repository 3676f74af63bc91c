"""Load scenarios against a running gateway; the only package that may import locust.

It stands outside the path of a transaction: it sends what a CRM or PSA would send, over HTTP, and
judges the answers. Importing locust patches the standard library, so nothing else may import this
package or locust (`tests/test_tidy.py`). The first release measures with `make bench`; scenarios and
their verdicts come with the load-testing work.
"""
