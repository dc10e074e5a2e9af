"""Who looks, and what that person may see.

Without a login everybody on this machine sees everything, as they would in the ledger's file. With
one, a page is for people whom the policies know, of the run's tenant; arguments are for those whom
the gate concerns.
"""

from dataclasses import dataclass

from remit.console.registry import Person
from remit.console.sessions import Session
from remit.console.standing import Stand

_OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody signed in, as the policies in force know them."""

    session: Session
    person: Person | None
    """`None`: policies know nobody of that name."""
    is_bound: bool
    """Whether there is a login, so that not everybody sees everything."""

    @property
    def name(self) -> str:
        """The name that goes into votes."""
        return self.session.name

    @property
    def roles(self) -> tuple[str, ...]:
        """What the person is to the gates."""
        return self.person.roles if self.person else ()

    def sees(self, tenant: str) -> bool:
        """Whether runs of a tenant are shown."""
        if not self.is_bound:
            return True
        if self.person is None:
            return False
        return self.person.tenants is None or tenant in self.person.tenants

    def is_asked(self, stand: Stand) -> bool:
        """Whether it is this person's turn, or was handed on to them."""
        return bool(set(stand.roles) & set(self.roles)) or self.name in stand.delegates

    def sees_arguments(self, stand: Stand) -> bool:
        """Whether the content of a call is shown."""
        if not self.is_bound or _OPERATOR in self.roles or self.is_asked(stand):
            return True
        return any(level.role in self.roles for level in stand.levels)
