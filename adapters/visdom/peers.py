"""Whose program is at the other end of a connection of this machine.

``/proc/net/tcp`` and ``tcp6`` list the sockets of this network namespace; the client's own socket has its address as local and
ours as remote address, and the user id of its process (proc(5)). A socket that its process closed already has no owner any more
and is shown with the user id 0: only what is connected and held open counts. Where there is no /proc nobody is known.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
from typing import Final

_TABLES: Final = {4: "/proc/net/tcp", 6: "/proc/net/tcp6"}
_ESTABLISHED: Final = "01"
Address = tuple[str, int]


def owner_of(client: Address, server: Address) -> int | None:
    """The user id behind the loopback connection from `client` to `server`; None for any other, or when it is not known."""
    try:
        ends = [(_plain(host), port) for host, port in (client, server)]
    except ValueError:
        return None
    if not all(address.is_loopback for address, _ in ends):
        return None
    wanted = " ".join(_in_table(address, port) for address, port in ends)
    try:
        with open(_TABLES[ends[0][0].version]) as table:
            for line in table:
                if wanted in line:
                    fields = line.split()
                    if f"{fields[1]} {fields[2]}" == wanted and fields[3] == _ESTABLISHED and fields[9] != "0":
                        return int(fields[7])
    except (OSError, ValueError, IndexError):
        return None
    return None


def is_same_user(client: Address, server: Address) -> bool:
    """Whether the program behind that connection runs as the user of this process."""
    return hasattr(os, "getuid") and owner_of(client, server) == os.getuid()


def _plain(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _in_table(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    """As the kernel prints it: 32-bit words in the order of this machine's bytes, in hexadecimal, and the port."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    packed = socket.inet_pton(family, str(address))
    words = struct.unpack(f"{'<' if sys.byteorder == 'little' else '>'}{len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
