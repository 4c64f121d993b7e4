"""nginx: HTTP/1.1 in the ways that clients and servers have of ending a message, and HTTP/2."""
import base64
import socket
import time

try:
    import h2.config
    import h2.connection
    import h2.events
except ImportError:  # Peer.modules tells
    h2 = None

from peer import SECRET, Peer, Wire, slow_ms

NGINX = """
daemon off; pid {directory}/pid; error_log {directory}/error.log warn; worker_processes 1;
user www-data;
events {{ }}
http {{
  access_log off; gzip on; gzip_min_length 20; keepalive_requests 100000;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{
    listen 127.0.0.1:{port} {option};
    location /user/ {{ return 200 "hello"; }}
    location /fail {{ return 503; }}
    location /conflict {{ return 409; }}
    location /files/ {{ root {directory}; }}
    location /back/ {{
      proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    }}
  }}
}}
"""
UPSTREAM = 90  # ports above that of nginx
SLOW_MS = slow_ms(4, 16, 120)


def serve(option=""):
    def start(place):
        files = place.directory / "files"
        files.mkdir()
        (files / "page.html").write_text("<p>page</p>" * 200)
        (files / "big.bin").write_bytes(b"b" * 300_000)
        upstream = place.port + UPSTREAM
        (place.directory / "nginx.conf").write_text(NGINX.format(
            directory=place.directory, port=place.port, option=option, upstream=upstream))
        place.python("web_server", str(upstream))
        place.wait_for(upstream)
        place.start("nginx", "-p", place.directory, "-c", place.directory / "nginx.conf")
        place.wait_for()
    return start


class Http(Wire):
    """Requests one after the other on one connection, each reply read to its end."""

    def get(self, load, api, path, headers="", method="GET", error=None, body=b"", timed=True):
        head = (f"{method} {path} HTTP/1.1\r\nHost: shop\r\nCookie: id={SECRET}\r\n"
                f"{headers}\r\n").encode()
        return self.ask(load, api, head + body, lambda data: is_whole(data, method), error, timed)


def is_whole(data, method):
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    status = int(data[9:12])
    if status == 100:
        return is_whole(body, method)
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if method == "HEAD" or status in (101, 204, 304):
        return True
    if b"content-length" in lines:
        return len(body) >= int(lines[b"content-length"])
    if lines.get(b"content-type") == b"text/event-stream":
        return True  # it goes on
    return body.endswith(b"0\r\n\r\n")


def talk_http1(place, load):
    with Http(place) as client:
        for number in range(100):
            client.get(load, "GET /user/{id}", f"/user/{number}?token={SECRET}")
        for number in range(30):
            client.get(load, "GET /fail", "/fail", error="server")
            client.get(load, "GET /conflict", "/conflict", error="client")
            client.get(load, "~other", f"/{SECRET}{number}", error="client")
        for _ in range(20):
            client.get(load, "HEAD /files/page.html", "/files/page.html", method="HEAD")
            client.get(load, "GET /files/page.html", "/files/page.html",
                       "Accept-Encoding: gzip\r\n")
            client.get(load, "GET /files/big.bin", "/files/big.bin")
            reply = client.get(load, "GET /files/page.html", "/files/page.html",
                               "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n")
            assert b" 200 " in reply[:20] or b" 304 " in reply[:20], reply[:100]
            etag = reply.split(b"ETag: ")[1].split(b"\r\n")[0].decode()
            reply = client.get(load, "GET /files/page.html", "/files/page.html",
                               f"If-None-Match: {etag}\r\n")
            assert reply.startswith(b"HTTP/1.1 304"), reply[:100]
            client.get(load, "GET /back/chunked", "/back/chunked", timed=False)
        for milliseconds in SLOW_MS:
            client.get(load, "GET /back/slow/{id}", f"/back/slow/{round(1000 * milliseconds)}")
        for _ in range(10):
            body = SECRET.encode() * 1000
            client.get(load, "POST /back/upload", "/back/upload", method="POST", timed=False,
                       headers=f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n",
                       body=body)
    # A connection for each request, and requests that do not wait for each other's replies.
    for number in range(30):
        with Http(place) as client:
            client.get(load, "GET /user/{id}", f"/user/{number}", "Connection: close\r\n")
    with Http(place) as client:
        client.send(b"GET /user/7 HTTP/1.1\r\nHost: x\r\n\r\n" * 10)
        client.read(lambda data: data.count(b"hello") == 10)
        load.count("GET /user/{id}", 10)
    leave_http(place, load)


def leave_http(place, load):
    """Requests after which the connection is no HTTP any more, or whose reply goes on."""
    for _ in range(5):
        with Http(place) as client:
            client.get(load, "GET /back/events", "/back/events", timed=False)
            client.read(lambda data: data.count(b"data:") >= 3)
        with Http(place) as client:
            key = base64.b64encode(SECRET.encode() * 2).decode()
            reply = client.get(load, "GET /back/socket", "/back/socket", timed=False, headers=(
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {key}\r\n"))
            assert b" 101 " in reply[:20], reply[:200]
            for _ in range(10):
                client.send(b"\x81\x05hello")
                client.read(lambda data: len(data) >= 7)


class Http2:
    """Streams of one connection, by the library h2."""

    def __init__(self, place):
        self.sock = socket.create_connection(("127.0.0.1", place.port), 10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.state = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.waited_ns = 0
        self.state.initiate_connection()
        self.sock.sendall(self.state.data_to_send())

    def ask(self, *paths, body=b""):
        """So many streams at once; when all have ended, their statuses. `waited_ns` is the time
        to the headers of the last one."""
        waiting, statuses = set(), []
        for path in paths:
            stream = self.state.get_next_available_stream_id()
            self.state.send_headers(stream, [
                (":method", "POST" if body else "GET"), (":path", path), (":scheme", "http"),
                (":authority", "shop"), ("authorization", SECRET)], end_stream=not body)
            if body:
                self.state.send_data(stream, body, end_stream=True)
            waiting.add(stream)
        data = self.state.data_to_send()
        begin = time.perf_counter_ns()
        self.sock.sendall(data)
        while waiting:
            data = self.sock.recv(1 << 16)
            now = time.perf_counter_ns()
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    statuses.append(dict(event.headers)[":status"])
                    self.waited_ns = now - begin
                elif isinstance(event, h2.events.DataReceived):
                    self.state.acknowledge_received_data(event.flow_controlled_length,
                                                         event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    waiting.discard(event.stream_id)
            self.sock.sendall(self.state.data_to_send())
        return statuses


def talk_http2(place, load):
    client = Http2(place)
    for number in range(50):
        with load.asks("GET /user/{id}", timed=False):
            client.ask(f"/user/{number}?token={SECRET}")
        with load.asks("GET /fail", error="server", timed=False):
            assert client.ask("/fail") == ["503"]
        with load.asks("GET /conflict", error="client", timed=False):
            client.ask("/conflict")
        with load.asks("~other", error="client", timed=False):
            client.ask(f"/{SECRET}{number}")
    for _ in range(10):
        client.ask("/user/1", "/files/big.bin", "/back/later/5000", "/user/2", "/files/page.html")
        load.count("GET /user/{id}", 2)
        load.count("GET /files/big.bin")
        load.count("GET /files/page.html")
        load.count("GET /back/later/{id}")
        with load.asks("POST /back/upload", timed=False):
            client.ask("/back/upload", body=SECRET.encode() * 500)
    for milliseconds in SLOW_MS:
        client.ask(f"/back/slow/{round(1000 * milliseconds)}")
        load.count("GET /back/slow/{id}")
        load.times["GET /back/slow/{id}"].append(client.waited_ns)
    # One end gives a stream up: counted, with no time.
    stream = client.state.get_next_available_stream_id()
    client.state.send_headers(stream, [(":method", "GET"), (":path", "/back/later/500000"),
                                       (":scheme", "http"), (":authority", "shop")],
                              end_stream=True)
    client.sock.sendall(client.state.data_to_send())
    client.state.reset_stream(stream, error_code=8)
    client.sock.sendall(client.state.data_to_send())
    client.ask("/user/9")
    load.count("GET /user/{id}")
    load.count("GET /back/later/{id}")
    load.extra["parked"] += 1
    client.sock.close()


PEERS = [
    Peer("nginx", "http", serve(), talk_http1, programs=("nginx",),
         judged=("GET /back/slow/{id}",)),
    Peer("nginx-http2", "http2", serve("http2"), talk_http2, programs=("nginx",),
         modules=("h2",),
         judged=("GET /back/slow/{id}",)),
]
