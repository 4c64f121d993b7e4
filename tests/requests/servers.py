"""Servers of the table: ways to accept connections and to answer requests. What takes a place
(peers.py) runs until it is killed."""
import os
import signal
import socket
import threading

import exits
import frames
import peers

IPPROTO_MPTCP = 262
TCP_FASTOPEN = 23


def converse(sock, receive=exits.recv, send=exits.send):
    """Answers the requests of one connection, in their order, until the client has no more."""
    data = b""
    while True:
        while (found := frames.take_request(data)) is None:
            more = receive(sock)
            if not more:
                sock.close()
                return
            data += more
        seconds, size, data = found
        frames.work(seconds)
        send(sock, frames.reply(size))


def conversing(receive, send):
    return lambda sock: converse(sock, receive, send)


def reply_in_parts(sock, data):
    """A head, and 5 ms later the rest."""
    sock.sendall(data[:5])
    frames.work(0.005)
    sock.sendall(data[5:])


def idle(place):
    """Serves nobody: whoever asks here has the server with him."""
    place.ready()
    signal.pause()


def accept(listener):
    sock = listener.accept()[0]
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def quietly(handle, sock):
    try:
        handle(sock)
    except OSError:
        sock.close()  # the client has gone: the table shows what the probe makes of it


def serve_in_threads(listener, handle):
    while True:
        threading.Thread(target=quietly, args=(handle, accept(listener)), daemon=True).start()


def threads(handle=converse, **options):
    """A process with a thread for each connection; `options` are those of `listen`."""
    def serve(place):
        listener = place.listen(**options)
        place.ready(works=True)
        serve_in_threads(listener, handle)
    return serve


def in_time(server):
    """Before everybody else, as the clients: a CPU that comes 50 ms late between two parts of a
    reply would look like the end of it."""
    def serve(place):
        peers.run_first()
        server(place)
    return serve


def _workers(place, count, serve):
    """Forks that serve; the first process only waits, as a master does."""
    for _ in range(count):
        if os.fork() == 0:
            place.in_child()
            place.works()
            serve()
            os._exit(0)
    place.ready()
    signal.pause()


def prefork(place):
    """Several processes accept on one listener, which the first process has made."""
    listener = place.listen()
    _workers(place, 3, lambda: serve_in_threads(listener, converse))


def reuseport(place):
    """Each process has a listener of its own on the port."""
    _workers(place, 3, lambda: serve_in_threads(place.listen(reuse_port=True), converse))


def passed(place):
    """One process accepts and passes each connection to another one, which serves it."""
    listener = place.listen()
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        place.in_child()
        place.works()
        listener.close()
        while True:
            _, descriptors, _, _ = socket.recv_fds(theirs, 1, 1)
            sock = socket.socket(fileno=descriptors[0])
            threading.Thread(target=quietly, args=(converse, sock), daemon=True).start()
    place.ready()
    while True:
        with accept(listener) as sock:
            socket.send_fds(ours, [b"x"], [sock.fileno()])


def fork_per_connection(place):
    """A process for each connection: the row is that of the one that starts them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = place.listen()
    place.ready(works=True)
    while True:
        sock = accept(listener)
        if os.fork() == 0:
            place.in_child()
            listener.close()
            quietly(converse, sock)
            os._exit(0)
        sock.close()


def program(name, *options):
    """A server that is no Python: it gets the descriptor of its listener."""
    def serve(place):
        listener = place.listen()
        os.set_inheritable(listener.fileno(), True)
        path = place.build / "bin" / name
        place.ready(works=True)
        os.execv(path, [name, str(listener.fileno()), *options])
    return serve
