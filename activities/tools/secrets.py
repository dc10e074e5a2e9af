"""The secrets of a call, as adapters use them; see `remit.secrets`."""

from remit.secrets.errors import SecretError
from remit.secrets.secrets import MASK, Secrets

__all__ = ["MASK", "SecretError", "Secrets"]
