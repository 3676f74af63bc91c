"""Simulated HCMs, where people, roles and cost centres begin: one folder a vendor.

An HCM is read for who works where; it must not hold money of customers.
"""
