"""Where a webhook may lead: never into the house, by no way of writing it, and not by a name that turns round."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from collector.notices import addresses, posting
from collector.notices.errors import AddressRefused
from tests.collector.house import House
from tests.collector.notices.receivers import http

WITHIN = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
    "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::1", "::",
    "fe80::1", "fe80::1%lo", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("written", WITHIN)
def test_nothing_within_the_house_is_reached(written: str) -> None:
    address = ipaddress.ip_address(written.partition("%")[0])
    for secure in (True, False):
        with pytest.raises(AddressRefused):
            addresses.judge(address, [], secure=secure)


@pytest.mark.parametrize("written", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_the_public_network_is_reached_over_https_alone(written: str) -> None:
    address = ipaddress.ip_address(written)
    addresses.judge(address, [], secure=True)
    with pytest.raises(AddressRefused, match="https alone"):
        addresses.judge(address, [], secure=False)


def test_what_is_allowed_is_reached_and_its_neighbour_is_not() -> None:
    allowed = addresses.networks(["192.168.7.0/24", "fd00::/64"])
    for written in ("192.168.7.3", "::ffff:192.168.7.3", "fd00::3"):
        addresses.judge(ipaddress.ip_address(written), allowed, secure=False)
    for written in ("192.168.8.3", "fd00:0:0:1::3", "2002:c0a8:803::"):
        with pytest.raises(AddressRefused):
            addresses.judge(ipaddress.ip_address(written), allowed, secure=True)


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://example.dk/", "https://", "https:///x", "https://a@example.dk/", "https://a:b@example.dk/",
        "https://example.dk/#x", "https://example.dk:0/", "https://example.dk:99999/", "https://example.dk\\@10.0.0.1/",
        "https://exa mple.dk/", "https://example.dk/\r\nX: y", "https://example.dk/æ", "file:///etc/passwd",
        "https://[::1", "https://" + "a" * 2000, "javascript:alert(1)", "https://exa%6dple.dk/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        addresses.read(url)
    assert len(url) < 9 or url not in str(refused.value)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]"])
def test_other_ways_to_write_this_machine_lead_to_the_same_refusal(host: str) -> None:
    with http() as receiver:
        outcome = posting.post(f"http://{host}:{receiver.port}/", {}, b"{}", [])
        assert not outcome.taken
        assert "refused" in outcome.told
        assert receiver.came == []


def test_a_name_that_turns_to_this_machine_between_two_looks_reaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged is what is connected to; a resolver that answers twice is asked once."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def turning(host: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        if host != "turns.example":
            return real(host, *rest, **more)
        asked.append(host)
        told = "203.0.114.9" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (told, rest[0]))]

    connected: list[Any] = []

    def connect(address: Any, **_more: Any) -> Any:  # noqa: ANN401
        connected.append(address[0])
        raise ConnectionRefusedError("nobody")

    monkeypatch.setattr(socket, "getaddrinfo", turning)
    monkeypatch.setattr(socket, "create_connection", connect)
    with http() as receiver:
        outcome = posting.post(f"https://turns.example:{receiver.port}/", {}, b"{}", [])
    assert (asked, connected, receiver.came) == (["turns.example"], ["203.0.114.9"], [])
    assert "nobody" in outcome.told


def test_a_name_with_one_address_within_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (told, 443)) for told in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: both)
    assert "refused: 10.0.0.1" in posting.post("https://both.example/", {}, b"{}", []).told


def test_redirects_are_told_and_not_followed(house: House) -> None:
    allowed = addresses.networks(["127.0.0.0/8"])
    with http() as receiver:
        outcome = posting.post(receiver.url("/redirect"), {}, b"{}", allowed)
        assert (outcome.taken, [path for path, *_ in receiver.came]) == (False, ["/redirect"])
        assert "redirects are not followed" in outcome.told


def test_an_answer_without_end_is_not_read() -> None:
    with http() as receiver:
        assert posting.post(receiver.url("/long"), {}, b"{}", addresses.networks(["127.0.0.0/8"])).taken
