"""Clients of servers that speak TLS: each asks REQUESTS times on one connection, and writes down
how long it waited (witness.Witness)."""
import os
import re
import socket
import ssl
import subprocess
import time

REQUESTS = 200


def run_first():
    """This thread, and what it starts: nobody shall measure how busy the machine is."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def path_of(number):
    """Takes between 4 and 16 ms, evenly: what a histogram tells to 5 %."""
    name = "fail" if number % 10 == 0 else f"user/{number}"
    return f"/{name}?us={4000 + 37 * number % 200 * 60}"


class Client:
    """One connection, kept: each tenth request asks for what fails."""

    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = socket.create_connection(("127.0.0.1", port), 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = context.wrap_socket(sock)
        self.errors = 0

    def ask(self, number, seen):
        path = path_of(number).encode()
        self.errors += path.startswith(b"/fail")
        seen.sends()
        begun = time.perf_counter_ns()
        self.stream.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        data = self.stream.recv(4096)
        seen.waited(time.perf_counter_ns() - begun)
        assert data, "the server has closed the connection"
        head, _, body = data.partition(b"\r\n\r\n")
        missing = int(re.search(rb"Content-Length: (\d+)", head).group(1)) - len(body)
        while missing > 0:
            missing -= len(self.stream.recv(missing))

    def ask_all(self, seen):
        for number in range(REQUESTS):
            self.ask(number, seen)

    def close(self):
        self.stream.close()


class Http2Client:
    """curl: some requests at a time on one connection."""

    def __init__(self, port):
        self.port, self.errors = port, 0

    def ask_all(self, seen):
        command = ["curl", "--silent", "--insecure", "--http2", "--parallel", "--parallel-max", "2",
                   "--write-out", "%{time_pretransfer} %{time_starttransfer} %{http_code}\\n"]
        for number in range(REQUESTS):
            command += ["-o", "/dev/null", f"https://127.0.0.1:{self.port}{path_of(number)}"]
        for line in subprocess.run(command, check=True, capture_output=True,
                                   text=True).stdout.splitlines():
            begun, ended, code = line.split()
            seen.sends()
            seen.waited((float(ended) - float(begun)) * 1e9)
            self.errors += code == "500"

    def close(self):
        pass
