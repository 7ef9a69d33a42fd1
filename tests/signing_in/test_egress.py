"""The way to addresses that a tenant has named never leads into the network that the server stands in."""

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest

from app.auth.egress import Egress, NotReached
from tests.signing_in.conftest import LOOPBACK
from tests.support.identity_provider import IdentityProvider
from tests.support.server import Server

INSIDE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "2001:0:53aa:64c:0:fbfe:80ff:fffe",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_public_is_not_called(address: str) -> None:
    assert not Egress().may_call(ip_address(address), "https", 443)


def test_a_public_address_is_called_over_tls_at_the_usual_port_only() -> None:
    public = ip_address("93.184.216.34")

    assert Egress().may_call(public, "https", 443)
    assert not Egress().may_call(public, "http", 80)
    assert not Egress().may_call(public, "https", 8443)


def test_networks_that_the_operator_names_are_called_in_the_clear_only_on_this_machine() -> None:
    own = Egress("10.0.0.0/8,127.0.0.0/8")

    assert own.may_call(ip_address("10.1.2.3"), "https", 8443)
    assert not own.may_call(ip_address("10.1.2.3"), "http", 80)
    assert own.may_call(ip_address("127.0.0.1"), "http", 9000)
    assert own.may_call(ip_address("::ffff:127.0.0.1"), "http", 9000)
    assert not own.may_call(ip_address("192.168.0.1"), "https", 443)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/", "https://maria@93.184.216.34/", "ftp://93.184.216.34/", "file:///etc/passwd", "https:///", "https://[",
    ],
)  # fmt: skip
def test_no_spelling_of_an_address_of_this_machine_is_called(url: str) -> None:
    with pytest.raises(NotReached):
        Egress().fetch(url)


def test_a_name_with_one_address_inside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(_host: str, port: int, **_more: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)

    with pytest.raises(NotReached, match="no address that may be called"):
        Egress().fetch("https://rebinding.example/")


def test_what_is_fetched_is_what_was_looked_at(monkeypatch: pytest.MonkeyPatch, provider: IdentityProvider) -> None:
    port, asked = urlsplit(provider.issuer).port, []

    def once(host: str, given: int, **_more: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", given))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: once(host, *a, **k) if "provider" in str(host) else real(host, *a, **k),
    )

    assert b"keys" in Egress("127.0.0.0/8").fetch(f"http://provider.example:{port}/jwks")
    assert asked == ["provider.example"]


def test_without_the_setting_a_provider_on_this_machine_is_not_called(
    shared_server: Server, provider: IdentityProvider
) -> None:
    assert "egress_networks" in LOOPBACK
    admin = shared_server.client()
    admin.write("/v1/issuers", {"issuer": provider.issuer, "audience": "inside"})
    before = provider.asked()

    answer = shared_server.client(provider.token(aud="inside")).get("/v1/me")

    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
    assert provider.asked() == before
