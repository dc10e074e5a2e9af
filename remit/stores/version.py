"""The version of the ledger's tables; apart, for who needs the number and no database."""

VERSION = "0012"
"""Newest migration; a test holds it against the scripts."""
