"""How the ledger refuses, and how it fails."""


class LedgerError(Exception):
    """The ledger refused; `code` is stable and says why. Nothing was written."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class LedgerUnavailableError(Exception):
    """The ledger could not be asked, or did not answer in time; nothing may be called."""
