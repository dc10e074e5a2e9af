"""Why a secret cannot be had."""


class SecretError(Exception):
    """A reference leads to nothing usable.

    The message names the reference and the way out, never a value and never another's words: what
    a keyring or Vault says about an error may hold what must not be said.
    """

    def __init__(self, code: str, message: str, *, again: bool = False) -> None:
        """Say why.

        Args:
            code: `SECRET-…`.
            message: for people.
            again: whether it may be had later, as things are.
        """
        super().__init__(message)
        self.code = code
        self.again = again
