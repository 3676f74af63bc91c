"""Locust scenarios: load a release can be judged by. The only room that may import locust.

It talks to a gateway by URL and to nothing else of this project; the scenarios come with their own
release, and until then this room holds its rule (`tests/test_tidy.py`) and nothing more.
"""
