"""Simulated PSAs, where projects, time and expenses begin: one folder a vendor.

A PSA holds projects, people, approved time and expenses, offers change feeds and webhooks, and takes
project codes and invoice status written back. It must not bill: that is the ERP's.
"""
