#!/usr/bin/env python3
"""Records a conversation as test data of a parser: a proxy between one client and a server.

    capture.py LISTEN_PORT SERVER_PORT > protocols/<name>/captures/<what>.txt

Ends when the connection does. A line is one read: "> " from the client, "< " from the server.
"""
import select
import socket
import sys


def escaped(data):
    plain = {0x0d: "\\r", 0x0a: "\\n", 0x09: "\\t", 0x5c: "\\\\"}
    return "".join(plain.get(byte, chr(byte) if 0x20 <= byte < 0x7f else f"\\x{byte:02x}")
                   for byte in data)


def main():
    listen, server = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", listen)) as listener:
        client, _ = listener.accept()
    upstream = socket.create_connection(("127.0.0.1", server))
    others = {client: (upstream, ">"), upstream: (client, "<")}
    while others:
        for readable in select.select(list(others), [], [])[0]:
            other, mark = others[readable]
            data = readable.recv(65536)
            if not data:
                return
            other.sendall(data)
            print(mark, escaped(data), flush=True)


if __name__ == "__main__":
    main()
