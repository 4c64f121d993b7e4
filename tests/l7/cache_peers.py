"""Redis and memcached, in every dialect they have."""
import struct
import time

from peer import SECRET, Peer, Wire, slow_ms

SLOW_MS = slow_ms(3, 9, 120)


def serve_redis(place):
    place.start("redis-server", "--port", str(place.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--enable-debug-command", "yes", "--dir", place.directory)
    place.wait_for()


class Redis(Wire):
    @staticmethod
    def words(*words):
        encoded = [word.encode() if isinstance(word, str) else word for word in words]
        return b"*%d\r\n" % len(encoded) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)

    def do(self, load, *words, error=None, api=None, timed=True):
        return self.ask(load, api or words[0].upper(), self.words(*words),
                        lambda data: data.endswith(b"\r\n"), error, timed)


def talk_redis(place, load):
    with Redis(place) as client:
        for number in range(100):
            client.do(load, "set", f"user:{number}:{SECRET}", SECRET)
            client.do(load, "get", f"user:{number}:{SECRET}")
        for milliseconds in SLOW_MS:
            client.do(load, "debug", "sleep", str(milliseconds / 1000))
        for _ in range(30):
            client.do(load, "lpush", f"user:1:{SECRET}", "x", error="client")
            client.do(load, "get", "none")
            client.do(load, SECRET, SECRET, error="client", api="~other")
        for _ in range(20):  # a pipeline: one write, one answer after the other
            client.send(client.words("incr", "n") + client.words("ping") + client.words("get", "n"))
            client.read(lambda data: data.count(b"\r\n") == 4)
            for api in ("INCR", "PING", "GET"):
                load.count(api)
        client.do(load, "set", "big", b"b" * 100_000, timed=False)
        client.ask(load, "GET", client.words("get", "big"), lambda data: len(data) > 100_000,
                   timed=False)
        client.do(load, "config", "set", "maxmemory", "1")
        for _ in range(25):
            client.do(load, "set", "k", SECRET, error="server")
        client.do(load, "config", "set", "maxmemory", "0")
        client.send(b"PING\r\nGET n\r\n")  # as a person types it
        client.read(lambda data: data.count(b"\r\n") == 3)
        load.count("PING")
        load.count("GET")
    talk_resp3(place, load)
    wait_for_redis(place, load)


def talk_resp3(place, load):
    with Redis(place) as client:
        client.ask(load, "HELLO", client.words("hello", "3"),
                   lambda data: b"modules" in data and data.endswith(b"\r\n"), timed=False)
        client.do(load, "hset", "h", "field", SECRET, "other", SECRET)
        for _ in range(20):
            client.ask(load, "HGETALL", client.words("hgetall", "h"),
                       lambda data: data.count(SECRET.encode()) == 2)
        client.do(load, "lpush", "h", "x", error="client")


def wait_for_redis(place, load):
    """A blocked client, a subscriber: both wait by design."""
    with Redis(place) as waits, Redis(place) as speaks:
        for _ in range(5):
            waits.send(waits.words("brpop", "queue", "0"))
            time.sleep(0.2)
            speaks.do(load, "lpush", "queue", SECRET)
            waits.read(lambda data: SECRET.encode() in data)
            load.count("BRPOP")
            load.extra["parked"] += 1
        waits.do(load, "subscribe", f"news-{SECRET}", timed=False)
        for _ in range(10):
            speaks.do(load, "publish", f"news-{SECRET}", SECRET)
            waits.read(lambda data: data.count(SECRET.encode()) == 2)
        load.extra["one_way"] += 10


def serve_memcached(place):
    place.start("memcached", "-u", "nobody", "-p", str(place.port), "-l", "127.0.0.1", "-U", "0")
    place.wait_for()


def line(data):
    return data.endswith(b"\r\n")


def talk_memcached(place, load):
    value = SECRET.encode()
    with Wire(place) as client:
        for number in range(200):
            key = b"user:%d" % number + value
            client.ask(load, "set", b"set %s 0 60 %d\r\n%s\r\n" % (key, len(value), value), line)
            client.ask(load, "get", b"get %s\r\n" % key, lambda data: data.endswith(b"END\r\n"))
            client.ask(load, "get", b"get missing\r\n", line)
        for _ in range(30):
            client.ask(load, "incr", b"incr user:1%s 1\r\n" % value, line, error="client")
            client.ask(load, "touch", b"touch %s\r\n" % value, line, error="client")
        for _ in range(10):
            client.send(b"set a 0 0 1 noreply\r\nx\r\n")
            load.extra["one_way"] += 1
            client.ask(load, "gets", b"gets a b c\r\n", lambda data: data.endswith(b"END\r\n"))
            client.ask(load, "ms", b"ms m 2 T0\r\nhi\r\n", line)
            client.ask(load, "mg", b"mg m v\r\n", lambda data: data.endswith(b"hi\r\n"))
            client.ask(load, "md", b"md m\r\n", line)
        for _ in range(20):
            big = b"set big 0 0 3000000\r\n" + b"x" * 3_000_000 + b"\r\n"
            client.ask(load, "set", big, line, error="server", timed=False)
    talk_binary(place, load)


def talk_binary(place, load):
    def binary(code, key=b"", value=b"", extras=b""):
        return struct.pack("!BBHBBHIIQ", 0x80, code, len(key), len(extras), 0, 0,
                           len(key) + len(value) + len(extras), 7, 0) + extras + key + value

    def whole(data):
        return len(data) >= 24 and len(data) >= 24 + int.from_bytes(data[8:12], "big")

    key = b"key" + SECRET.encode()
    with Wire(place) as client:
        for _ in range(50):
            client.ask(load, "set", binary(1, key, SECRET.encode(), bytes(8)), whole)
            client.ask(load, "get", binary(0, key), whole)
            client.ask(load, "get", binary(0, b"missing"), whole)
            client.ask(load, "incr", binary(5, key, b"", bytes(20)), whole, error="client")
        for _ in range(10):  # quiet misses say nothing; a noop ends the batch
            client.ask(load, "noop", binary(9, b"m1") + binary(9, b"m2") + binary(10), whole)
            load.extra["one_way"] += 2


PEERS = [
    Peer("redis", "redis", serve_redis, talk_redis, programs=("redis-server",), judged=("DEBUG",)),
    Peer("memcached", "memcached", serve_memcached, talk_memcached, programs=("memcached",),
         judged=("get", "gets", "mg")),
]
