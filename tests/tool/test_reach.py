"""Which hosts and addresses a contract reaches: the table, and what opens what."""

import pytest

from remit.tool.reach import Range, destination_faults, plain_ip, range_of, reach


def _range(text: str) -> Range:
    address = plain_ip(text)
    assert address is not None, text
    return range_of(address)


def test_hosts_are_compared_letter_by_letter() -> None:
    """Case and a final dot do not matter; prefixes and suffixes do."""
    allowed = reach(("Shop.Example", "::1"))

    assert allowed.host_fault("shop.EXAMPLE.") is None
    assert allowed.host_fault("[::1]") is None
    for host in ("evil-shop.example", "shop.example.evil", "sub.shop.example", "", "."):
        assert allowed.host_fault(host) is not None


@pytest.mark.parametrize(
    ("kind", "addresses"),
    [
        (Range.PUBLIC, ["93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1"]),
        (Range.PUBLIC, ["::ffff:93.184.216.34", "64:ff9b::5db8:d822"]),
        (Range.PRIVATE, ["10.0.0.1", "172.31.255.255", "192.168.1.1", "127.8.9.1", "::1"]),
        (Range.PRIVATE, ["100.64.0.1", "100.127.255.255", "fd12:3456::1", "fc00::1"]),
        (Range.PRIVATE, ["::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::7f00:1", "64:ff9b::a00:1"]),
        (Range.SPECIAL, ["169.254.169.254", "169.254.0.1", "fe80::1", "fd00:ec2::254"]),
        (Range.SPECIAL, ["100.100.100.200", "168.63.129.16", "192.0.0.192", "64:ff9b::a9fe:a9fe"]),
        (Range.SPECIAL, ["2002:7f00:1::", "2001:0:4136:e378::1", "::7f00:1", "::ffff:0:7f00:1"]),
        (Range.SPECIAL, ["64:ff9b:1::7f00:1", "2606:2800::5efe:7f00:1", "fec0::1", "4000::1"]),
        (Range.SPECIAL, ["192.0.2.1", "198.18.0.1", "2001:db8::1", "3fff::1", "192.88.99.1"]),
        (Range.NEVER, ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1"]),  # noqa: S104
        (Range.NEVER, ["255.255.255.255", "240.0.0.1", "64:ff9b::e000:1"]),
    ],
)
def test_every_address_is_for_something(kind: Range, addresses: list[str]) -> None:
    """Whatever an address is wrapped in, it is judged by where it leads."""
    assert {each: _range(each) for each in addresses} == dict.fromkeys(addresses, kind)


@pytest.mark.parametrize(
    "text",
    ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "1.2.3.4/8", "fe80::1%eth0"],
)
def test_odd_spellings_are_no_addresses(text: str) -> None:
    """They are names, which a resolver may take for an address: then that one is checked."""
    assert plain_ip(text) is None


@pytest.mark.parametrize(
    ("destinations", "private", "address", "is_open"),
    [
        (["erp.example"], [], "10.1.2.3", False),
        (["erp.example"], ["erp.example"], "10.1.2.3", True),
        (["erp.example"], ["ERP.example."], "127.0.0.1", True),
        (["erp.example", "other.example"], ["other.example"], "10.1.2.3", False),
        (["erp.example", "10.1.0.0/16"], [], "10.1.2.3", True),
        (["erp.example", "10.1.0.0/16"], [], "10.2.2.3", False),
        (["erp.example", "10.1.2.3"], [], "10.1.2.3", True),
        (["erp.example", "::ffff:10.1.2.3"], [], "10.1.2.3", True),
        (["erp.example"], ["erp.example"], "169.254.169.254", False),
        (["erp.example", "169.254.0.0/16"], ["erp.example"], "169.254.169.254", False),
        (["erp.example", "169.254.169.254"], [], "169.254.169.254", True),
        (["erp.example", "::/0"], ["erp.example"], "2002:7f00:1::", False),
        (["erp.example", "0.0.0.0"], ["erp.example"], "0.0.0.0", False),  # noqa: S104
    ],
)
def test_what_opens_an_address(
    destinations: list[str], private: list[str], address: str, is_open: bool
) -> None:
    """A mark or a network opens private ranges; the special needs its very address."""
    found = plain_ip(address)
    assert found is not None

    fault = reach(tuple(destinations), tuple(private)).address_fault("erp.example", found)

    assert (fault is None) is is_open


def test_an_address_is_called_where_its_network_is_listed() -> None:
    """A literal host needs no name, and no neighbour of the network is let in."""
    allowed = reach(("10.1.0.0/16", "fd00:1::/32"))

    assert allowed.host_fault("10.1.2.3") is None
    assert allowed.host_fault("[fd00:1::5]") is None
    assert allowed.host_fault("10.2.2.3") is not None
    assert allowed.host_fault("10.1.0.0/16") is not None
    assert allowed.host_fault("[::ffff:10.1.2.3]") is not None


def test_lists_that_mean_nothing_are_faults() -> None:
    """A network with host bits, an address that is none to call, a mark for what is not listed."""
    found = destination_faults(
        ["10.1.2.3/8", "https://x.example/", "224.0.0.1", "a.example", "10.0.0.1"],
        ["b.example", "10.0.0.1", "A.example"],
    )

    assert [(field, message.split("'")[1]) for field, message, _ in found] == [
        ("destinations", "10.1.2.3/8"),
        ("destinations", "https://x.example/"),
        ("destinations", "224.0.0.1"),
        ("private", "b.example"),
        ("private", "10.0.0.1"),
    ]
