"""Whose program is at the other end of a connection of this machine."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from crossboard.adapters.visdom.peers import is_same_user, owner_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc/net/tcp")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_the_owner_of_a_connection_of_our_own_is_us(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip(f"{host} is none of this machine's addresses")
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2]) as client:
            ends = client.getsockname()[:2], client.getpeername()[:2]
            assert owner_of(*ends) == os.getuid()
            assert is_same_user(*ends)
            assert owner_of(ends[0], (ends[1][0], ends[1][1] ^ 1)) is None
        assert owner_of(*ends) is None  # closed, and not yet taken by the server: the kernel shows it as root's


def test_an_address_of_ipv4_inside_ipv6_is_looked_up_as_ipv4() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as client:
            ends = [(f"::ffff:{host}", port) for host, port in (client.getsockname(), client.getpeername())]
            assert owner_of(*ends) == os.getuid()


@pytest.mark.parametrize("client", [("192.0.2.7", 5), ("no address", 5), ("testclient", 50000), ("127.0.0.1", 1)])
def test_nobody_is_known_from_elsewhere(client: tuple[str, int]) -> None:
    assert owner_of(client, ("127.0.0.1", 8123)) is None
