"""What whoever imports says: all that a document is not to decide about itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from remit.canonical import JSONObject


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is imported, and as whose."""

    domains: tuple[str, ...]
    """Domains that the tools may be in, the first by default: an operation called `erp.place_order`
    is in `erp` if that is one of them. A document that could choose could choose its policies."""
    owner: str
    source: str
    """Where the document is from, as it is written down."""
    origin: str | None = None
    """The URL it was fetched from: what relative addresses of servers start from."""
    is_private: bool = False
    """Whether that URL's host answered from a private address."""
    only: tuple[str, ...] = ()
    """Patterns of the operations' ids, `METHOD /path`, or the tools' names; empty for all."""
    server: str | None = None
    """Base URL, in place of the document's; it may refer to the environment."""
    destinations: tuple[str, ...] = ()
    """Hosts that may be reached, in place of the server's."""
    region: str = "unstated"
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Security scheme to a reference to its secret."""
    token_hosts: Mapping[str, str] = field(default_factory=dict)
    """Client of OAuth 2 to the host that gives it tokens: what tools that need one reach, too."""

    @property
    def options(self) -> JSONObject:
        """What was said, without what follows from the document's place."""
        said: JSONObject = {
            "domains": [*self.domains],
            "owner": self.owner,
            "only": [*self.only],
            "server": self.server,
            "destinations": [*self.destinations],
            "region": self.region,
            "secrets": dict(self.secrets),
        }
        return {name: value for name, value in said.items() if value}

    def takes(self, *names: str) -> bool:
        """Say whether an operation with these names is wanted."""
        return not self.only or any(
            fnmatchcase(name, wanted) for name in names for wanted in self.only
        )
