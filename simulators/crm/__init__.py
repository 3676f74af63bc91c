"""Simulated CRMs, a beginning of a transaction's path: one folder a vendor.

A CRM holds accounts and opportunities, offers a change feed, and takes status written back. It
must not call the router by itself except through the webhooks its vendor really has.
"""
