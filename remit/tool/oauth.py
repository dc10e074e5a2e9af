"""Clients of OAuth 2 as `[oauth.NAME]` of `remit.toml` declares them, and the tools that use them.

    [oauth.crm]
    token_url = "https://login.acme.example/oauth2/token"
    client_id = "remit"                          # may refer to a secret
    client_secret = "vault:kv/crm#secret"        # always refers to one
    scope = "orders.read orders.write"           # optional, as are `audience` and `resource`

A tool refers to `oauth:crm`, and an access token (client credentials, RFC 6749 §4.4) is put there.
Who answers at the token's address is handed the client's secret, so it is encrypted or of this
machine, and the host is among the tool's own `destinations`, where policy sees it. Pure: nothing is
asked here.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from remit.diagnostic import Diagnostic
from remit.tool.address import Address, AddressError, normal_host
from remit.tool.contract import ToolContract
from remit.tool.model import Model
from remit.tool.places import finding
from remit.tool.reach import Reach, plain_ip
from remit.tool.referring import referring
from remit.tool.secret import is_whole_reference, reference_fault, references

SCHEME = "oauth"
LONGEST_S = 86_400
"""Longest time for which a token is kept, in seconds, whatever is said about it."""
_WHERE = "docs/egress.md#oauth"

ClientName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class OAuthClient(Model):
    """Who asks for tokens, and where."""

    token_url: Annotated[str, Field(min_length=1, max_length=2048)]
    """Address template without arguments, see `remit.tool.address`."""
    client_id: Annotated[str, Field(min_length=1, max_length=1024)]
    """As it is, or with references to secrets."""
    client_secret: Annotated[str, Field(min_length=1, max_length=1024)]
    """A reference, never the secret."""
    scope: Annotated[str, Field(pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$", max_length=4096)] = ""
    audience: Annotated[str, Field(max_length=2048)] = ""
    resource: Annotated[str, Field(max_length=2048)] = ""
    """What the token is for, as RFC 8707 names it."""
    send: Literal["header", "body"] = "header"
    """Where the client's secret stands: `client_secret_basic` or `client_secret_post`."""
    lifetime_s: Annotated[int, Field(ge=1, le=LONGEST_S)] | None = None
    """How long a token is good whose answer does not say so; without it such a token is refused."""

    @field_validator("token_url")
    @classmethod
    def _of_a_server(cls, text: str) -> str:
        try:
            address = Address.parse(text)
        except AddressError as error:
            raise ValueError("write `https://host[:port]/path`") from error
        if address.arguments:
            raise ValueError("it takes no arguments")
        if address.variable is None and (fault := address_fault(text, address.host)):
            raise ValueError(fault)
        return text

    @field_validator("client_id", "client_secret")
    @classmethod
    def _of_references(cls, text: str) -> str:
        if fault := reference_fault(text):
            raise ValueError(fault)
        if any(reference.scheme == SCHEME for reference in references(text)):
            raise ValueError("a token is not got with another token")
        return text

    @field_validator("client_secret")
    @classmethod
    def _of_one_reference(cls, text: str) -> str:
        if not is_whole_reference(text):
            raise ValueError("write a reference such as `env:NAME`; no secret stands in a file")
        return text

    @property
    def host(self) -> str | None:
        """The literal host of its address; `None` when it comes from the environment."""
        return Address.parse(self.token_url).host

    @property
    def credentials(self) -> tuple[str, str]:
        """The texts that refer to secrets."""
        return self.client_id, self.client_secret


def address_fault(url: str, host: str | None) -> str | None:
    """Say why a client's secret must not be sent to `url`; a host that is not known yet passes."""
    if url.startswith("https://") or host is None:
        return None
    address = plain_ip(host)
    is_here = address.is_loopback if address is not None else normal_host(host) == "localhost"
    return None if is_here else "the client's secret goes there: use https"


def token_hosts(clients: Mapping[str, OAuthClient]) -> dict[str, str]:
    """Return whom each client asks, as far as that is written down."""
    return {name: client.host for name, client in clients.items() if client.host is not None}


def client_faults(
    contract: ToolContract, clients: Mapping[str, OAuthClient]
) -> Iterator[Diagnostic]:
    """Yield the references of `contract` to tokens that cannot lead to one."""
    for where, reference in referring(contract):
        # Which client an agent has is known when it calls.
        if reference.scheme == SCHEME and not reference.places:
            client = clients.get(reference.name)
            if client is None:
                message = f"remit.toml declares no [oauth.{reference.name}]"
                yield finding(contract, "TOOL-SECRET", where, message, f"declare it, see {_WHERE}")
            elif client.host is not None and (fault := Reach.of(contract).host_fault(client.host)):
                message = f"[oauth.{reference.name}] gets its tokens elsewhere: {fault}"
                hint = f"add the host to them, see {_WHERE}"
                yield finding(contract, "TOOL-DESTINATION", where, message, hint)
