"""How bytes get into and out of a server: each pair of system calls that applications use. A way in
takes a socket and returns what it read; a way out takes a socket and what it has to write."""
import contextlib
import os
import socket
import threading

MOST = 1 << 18
SO_ZEROCOPY = 60
MSG_ZEROCOPY = 0x4000000
_own = threading.local()


def read(sock):
    return os.read(sock.fileno(), MOST)


def recv(sock):
    return sock.recv(MOST)


def recvmsg(sock):
    return sock.recvmsg(MOST, 256)[0]


def readv(sock):
    pieces = [bytearray(8), bytearray(MOST)]
    got = os.readv(sock.fileno(), pieces)
    return b"".join(pieces)[:got]


def peek_then_recv(sock):
    """Servers that look at the first bytes to tell TLS from plain text do this."""
    sock.recv(8, socket.MSG_PEEK)
    return sock.recv(MOST)


def _pipe():
    if not hasattr(_own, "pipe"):
        _own.pipe = os.pipe()
    return _own.pipe


def splice_in(sock):
    out, into = _pipe()
    got = os.splice(sock.fileno(), into, 65536)
    return os.read(out, got) if got else b""


def write(sock, data):
    while data:
        data = data[os.write(sock.fileno(), data):]


def send(sock, data):
    sock.sendall(data)


def sendmsg(sock, data):
    sent = sock.sendmsg([data[:5], data[5:]])
    sock.sendall(data[sent:])


def writev(sock, data):
    sent = os.writev(sock.fileno(), [data[:5], data[5:]])
    sock.sendall(data[sent:])


def sendfile(sock, data):
    """A head by send and a body by sendfile, as file servers do."""
    if not hasattr(_own, "file"):
        _own.file = os.memfd_create("reply")
        os.write(_own.file, b"a" * MOST)
    sock.send(data[:5], socket.MSG_MORE)
    at, end = 0, len(data) - 5
    while at < end:
        at += os.sendfile(sock.fileno(), _own.file, at, end - at)


def splice_out(sock, data):
    out, into = _pipe()
    while data:
        size = os.write(into, data[:32768])
        data = data[size:]
        while size:
            size -= os.splice(out, sock.fileno(), size)


def zerocopy(sock, data):
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    _own.kept = data  # the kernel may look at it until the client has it
    while data:
        data = data[sock.send(data, MSG_ZEROCOPY):]
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.recvmsg(1, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
