#!/usr/bin/env python3
"""HTTP servers that speak TLS, each by another library or another way to its socket.

    tls_servers.py openssl|asyncio|gnutls|plain PORT CERTIFICATE KEY

Each request takes as many µs as it asks for (us=); /fail is answered with 500. "plain" speaks no
TLS: what a proxy asks."""
import asyncio
import ctypes
import re
import socket
import ssl
import sys
import threading
import time

BODY = b"x" * 300


def answer(request):
    status = b"500 Internal Server Error" if b" /fail" in request.split(b"\r\n")[0] else b"200 OK"
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(BODY), BODY)


def work_s(request):
    found = re.search(rb"us=(\d+)", request)
    return int(found.group(1)) / 1e6 if found else 0


def converse(receive, send):
    """Answers the requests of one connection until there are no more."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = receive()
            if not more:
                return
            data += more
        request, data = data.split(b"\r\n\r\n", 1)
        time.sleep(work_s(request))
        send(answer(request))


def serve(port, talk):
    """A thread for each connection."""
    def quietly(sock):
        try:
            talk(sock)
        except OSError:
            pass  # the client has gone
        sock.close()

    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        while True:
            sock = listener.accept()[0]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=quietly, args=(sock,), daemon=True).start()


def context_of(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def openssl(port, certificate, key):
    context = context_of(certificate, key)

    def talk(sock):
        with context.wrap_socket(sock, server_side=True) as stream:
            converse(lambda: stream.recv(4096), stream.sendall)
    serve(port, talk)


def plain(port, _certificate, _key):
    serve(port, lambda sock: converse(lambda: sock.recv(4096), sock.sendall))


def memory(port, certificate, key):
    """asyncio gives OpenSSL bytes instead of a socket."""
    async def talk(reader, writer):
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                # Its own timers are exact to 1 ms only.
                await asyncio.to_thread(time.sleep, work_s(request))
                writer.write(answer(request))
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def run():
        server = await asyncio.start_server(talk, "127.0.0.1", port,
                                            ssl=context_of(certificate, key))
        await server.serve_forever()
    asyncio.run(run())


class Gnutls:
    """As much of the library as a server needs."""

    SERVER, CERTIFICATE, PEM, AGAIN, INTERRUPTED = 1, 1, 1, -28, -52

    def __init__(self, certificate, key):
        self.library = ctypes.CDLL("libgnutls.so.30")
        for name in ("recv", "send"):
            function = getattr(self.library, f"gnutls_record_{name}")
            function.restype = ctypes.c_ssize_t
            function.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        self.credentials = ctypes.c_void_p()
        self.checked(self.library.gnutls_certificate_allocate_credentials(
            ctypes.byref(self.credentials)))
        self.checked(self.library.gnutls_certificate_set_x509_key_file(
            self.credentials, certificate.encode(), key.encode(), self.PEM))

    def checked(self, result):
        if result < 0:
            raise OSError(f"GnuTLS says {result}")
        return result

    def patiently(self, function, *arguments):
        while (result := function(*arguments)) in (self.AGAIN, self.INTERRUPTED):
            pass
        return self.checked(result)

    def talk(self, sock):
        session = ctypes.c_void_p()
        self.checked(self.library.gnutls_init(ctypes.byref(session), self.SERVER))
        try:
            self.checked(self.library.gnutls_set_default_priority(session))
            self.checked(self.library.gnutls_credentials_set(session, self.CERTIFICATE,
                                                             self.credentials))
            self.library.gnutls_transport_set_int2(session, sock.fileno(), sock.fileno())
            self.patiently(self.library.gnutls_handshake, session)
            buffer = ctypes.create_string_buffer(4096)

            def receive():
                size = self.patiently(self.library.gnutls_record_recv, session, buffer, 4096)
                return buffer.raw[:size]
            converse(receive, lambda data: self.patiently(self.library.gnutls_record_send, session,
                                                          data, len(data)))
        finally:
            self.library.gnutls_deinit(session)


def gnutls(port, certificate, key):
    serve(port, Gnutls(certificate, key).talk)


def main():
    kind, port, certificate, key = sys.argv[1:5]
    kinds = {"openssl": openssl, "asyncio": memory, "gnutls": gnutls, "plain": plain}
    kinds[kind](int(port), certificate, key)


if __name__ == "__main__":
    main()
