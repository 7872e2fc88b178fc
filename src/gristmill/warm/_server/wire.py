"""Frames on the unix socket between a client, a fork server and its children.

A frame is four bytes of length (network order) and a JSON object; descriptors travel with its
first byte.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import Any

MAX_FRAME = 1 << 30


def send(sock: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one frame with `fds`; the descriptors stay open here."""
    body = json.dumps(message).encode()
    frame = struct.pack("!I", len(body)) + body
    sent = socket.send_fds(sock, [frame], list(fds)) if fds else 0
    sock.sendall(frame[sent:])


def receive(sock: socket.socket, max_fds: int = 4) -> tuple[dict[str, Any], list[int]]:
    """Read one frame. EOFError when the other side closed before a whole frame."""
    head, fds, _, _ = socket.recv_fds(sock, 4, max_fds, socket.MSG_CMSG_CLOEXEC)
    try:
        return _body(sock, head), fds
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise


def _body(sock: socket.socket, head: bytes) -> dict[str, Any]:
    (size,) = struct.unpack("!I", head + _exactly(sock, 4 - len(head)))
    if size > MAX_FRAME:
        raise ValueError(f"a frame of {size} bytes exceeds {MAX_FRAME}")
    message = json.loads(_exactly(sock, size))
    if not isinstance(message, dict):
        raise TypeError(f"a frame must hold an object, not {type(message).__name__}")
    return message


def peer(sock: socket.socket) -> tuple[int, int]:
    """`(pid, uid)` of the process that connected to, or bound, the other end."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return pid, uid


def same_user(conn: socket.socket) -> int:
    """The connecting process. PermissionError when it is another user's."""
    pid, uid = peer(conn)
    if uid != os.getuid():
        raise PermissionError(f"user {uid} asked a server of user {os.getuid()}")
    return pid


def _exactly(sock: socket.socket, size: int) -> bytes:
    chunks = []
    while size:
        chunk = sock.recv(min(size, 1 << 20))
        if not chunk:
            raise EOFError("the connection closed in the middle of a frame")
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
