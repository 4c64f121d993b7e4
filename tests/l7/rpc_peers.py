"""gRPC servers in Python and in Go, with a client in Python."""
import concurrent.futures
import contextlib

from peer import SECRET, Peer, installed, slow_ms

# The library's own time at the client is about 1 ms: replies take longer.
SLOW_MS = slow_ms(20, 40, 100)

# A connection of one's own.
OWN = (("grpc.use_local_subchannel_pool", 1),)


def serve_python(place):
    place.python("rpc_server", str(place.port))
    place.wait_for()


def serve_go(place):
    place.start(installed("rpc_server"), str(place.port))
    place.wait_for()


def message(milliseconds=0):
    return round(10 * milliseconds).to_bytes(2, "big") + SECRET.encode() * 20


def talk(place, load):
    import grpc
    with grpc.insecure_channel(f"127.0.0.1:{place.port}") as channel:
        get, fail, miss, nothing = (channel.unary_unary(f"/shop.Cart/{name}")
                                    for name in ("Get", "Fail", "Miss", "Nothing"))
        watch = channel.unary_stream("/shop.Cart/Watch")
        trace = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                 ("authorization", SECRET))
        for _ in range(50):
            get(message(), metadata=trace)
            load.count("/shop.Cart/Get")
            for ask, api, error in ((fail, "/shop.Cart/Fail", "server"),
                                    (miss, "/shop.Cart/Miss", "client"),
                                    (nothing, "~other", "server")):
                with contextlib.suppress(grpc.RpcError):
                    ask(message())
                load.count(api, error=error)
        for _ in range(10):
            assert len(list(watch(message()))) == 5
            load.count("/shop.Cart/Watch")
        # Many at once on one connection.
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: get(message(5)), range(200)))
        load.count("/shop.Cart/Get", 200)
    for _ in range(5):  # messages of many frames
        with grpc.insecure_channel(f"127.0.0.1:{place.port}", OWN) as channel:
            channel.unary_unary("/shop.Cart/Get")(message() + b"x" * 200_000)
            load.count("/shop.Cart/Get")
    with grpc.insecure_channel(f"127.0.0.1:{place.port}", OWN) as channel:
        slow = channel.unary_unary("/shop.Cart/Slow")
        for milliseconds in SLOW_MS:
            with load.asks("/shop.Cart/Slow"):
                slow(message(milliseconds))


def go_is_missing():
    return "" if installed("rpc_server") else "needs a Go server: run tests/l7/install.sh"


PEERS = [
    Peer("grpc-python", "http2", serve_python, talk, modules=("grpc",)),
    Peer("grpc-go", "http2", serve_go, talk, modules=("grpc",), missing=go_is_missing),
]
