"""Which hosts and which addresses a contract's calls may reach. Pure: nothing resolves names here.

Two questions, both asked of every connection. *The host*: is it listed? *The address* that it
resolved to: is it one that a listed host may have? A public address is. A private one (loopback,
RFC 1918, unique local, shared 100.64.0.0/10) only if the contract names it: as an address or a
network among `destinations`, or by marking the host in `private`. What else is special (link-local,
a cloud's metadata, an IPv4 address packed into a tunnel's, documentation, test networks) only if
that very address is listed. Multicast, broadcast and the unspecified address never.

The table is written out, and not taken from `ipaddress`: what that module calls global changed with
its patches.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from remit.tool.address import normal_host
from remit.tool.contract import ToolContract

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Range(Enum):
    """What an address is for, as far as egress cares."""

    PUBLIC = "public"
    PRIVATE = "private"
    SPECIAL = "special"
    NEVER = "never"


_NEVER = ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8")
_METADATA = (
    *("169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
    *("fd00:ec2::254/128", "fd20:ce::254/128", "fd00:42::42/128"),
)
_SPECIAL = (
    *_METADATA,
    *("169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24"),
    # Teredo, 6to4, local NAT64, IPv4-compatible and -translated: an IPv4 address is inside, and
    # who builds the tunnel decides where it comes out.
    *("2001::/32", "2002::/16", "64:ff9b:1::/48", "::ffff:0:0:0/96"),
    *("2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20"),
)
_PRIVATE = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10"),
    *("::1/128", "fc00::/7"),
)
_TABLE: tuple[tuple[Network, Range], ...] = (
    *((ip_network(each), Range.NEVER) for each in _NEVER),
    *((ip_network(each), Range.SPECIAL) for each in _SPECIAL),
    *((ip_network(each), Range.PRIVATE) for each in _PRIVATE),
)
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


@lru_cache(maxsize=4096)
def plain_ip(text: str) -> IP | None:
    """Return the address that `text` is, or `None` for a name.

    Only the usual spelling counts: `127.1` and `0x7f000001` are names, whatever a resolver makes of
    them. An IPv4 address mapped into IPv6 is the IPv4 address; a zone (`%eth0`) is refused.
    """
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


@lru_cache(maxsize=4096)
def range_of(address: IP) -> Range:
    """Return what `address` is for; one that is translated (NAT64) is judged by what it hides."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        return range_of(IPv4Address(int(address) & 0xFFFFFFFF))
    for network, found in _TABLE:
        if address.version == network.version and address in network:
            return found
    if isinstance(address, IPv6Address) and (
        address not in _UNICAST or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    ):
        return Range.SPECIAL
    return Range.PUBLIC


@dataclass(frozen=True, slots=True)
class Reach:
    """What the calls of one contract may reach."""

    hosts: frozenset[str]
    """Names, as `normal_host` writes them."""
    addresses: frozenset[IP]
    networks: tuple[Network, ...]
    private: frozenset[str]
    """Those of `hosts` whose addresses may be private."""

    @classmethod
    def of(cls, contract: ToolContract) -> "Reach":
        """Return what `contract` lists."""
        return reach(tuple(contract.destinations), tuple(contract.private))

    def host_fault(self, host: str) -> str | None:
        """Say why `host` must not be called, or `None`."""
        name = normal_host(host)
        if name in self.hosts:
            return None
        # Not `host.`: an address has no final dot. Nor does IPv6's spelling of IPv4 count.
        address = plain_ip(host)
        if (
            address is not None
            and (":" in host) == (address.version == 6)
            and self._is_named(address)
        ):
            return None
        return f"the host {host!r} is not among its destinations"

    def address_fault(self, host: str, address: IP) -> str | None:
        """Say why a connection for `host` must not go to `address`, or `None`."""
        kind = range_of(address)
        if kind is Range.PUBLIC:
            return None
        said = f"{host!r} is at {address}, {_WORDS[kind]}"
        if kind is Range.NEVER:
            return said
        if address in self.addresses:
            return None
        if kind is Range.PRIVATE:
            if normal_host(host) in self.private or self._is_named(address):
                return None
            return f"{said}; list that network in `destinations`, or the host in `private`"
        return f"{said}; only that very address in `destinations` would allow it"

    def _is_named(self, address: IP) -> bool:
        return address in self.addresses or any(
            address.version == network.version and address in network for network in self.networks
        )


_WORDS = {
    Range.PRIVATE: "a private address that the contract does not name",
    Range.SPECIAL: "an address for special use",
    Range.NEVER: "where no call may go",
}


@lru_cache(maxsize=4096)
def reach(destinations: tuple[str, ...], private: tuple[str, ...] = ()) -> Reach:
    """Return the reach that `destinations` and `private` describe; malformed ones describe none."""
    addresses = [address for each in destinations if (address := plain_ip(each)) is not None]
    networks = [network for each in destinations if (network := _network(each)) is not None]
    names = (normal_host(each) for each in destinations if "/" not in each)
    hosts = frozenset(name for name in names if plain_ip(name) is None)
    marked = frozenset(normal_host(each) for each in private) & hosts
    return Reach(hosts, frozenset(addresses), tuple(networks), marked)


def destination_faults(
    destinations: Iterable[str], private: Iterable[str]
) -> list[tuple[str, str, str]]:
    """Return what is wrong with the two lists: field, message, way out."""
    listed, found = list(destinations), []
    for each in listed:
        if "/" in each and _network(each) is None:
            hint = "write a network as `10.1.0.0/16`, without a scheme or a path"
            found.append(("destinations", f"{each!r} is neither host nor network", hint))
        address = plain_ip(each)
        if address is not None and range_of(address) is Range.NEVER:
            found.append(("destinations", f"{each!r} is no address that can be called", "drop it"))
    names = {normal_host(each) for each in listed if "/" not in each and plain_ip(each) is None}
    for each in private:
        if normal_host(each) not in names:
            message = f"{each!r} is not a host name among its destinations"
            hint = "list the name there too; addresses and networks need no mark"
            found.append(("private", message, hint))
    return found


def _network(text: str) -> Network | None:
    if "/" not in text:
        return None
    try:
        return ip_network(text)
    except ValueError:
        return None
