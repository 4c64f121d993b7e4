"""A gRPC server without generated code: messages are bytes, of which the first two say how long
the handler takes, in tenths of ms.

  rpc_server.py PORT"""
import concurrent.futures
import sys
import time

import grpc


def get(request, _):
    time.sleep(int.from_bytes(request[:2], "big") / 10_000)
    return request[:100]


def refuse(code):
    def handle(_, context):
        context.abort(code, "it fails")
    return handle


def watch(request, _):
    for number in range(5):
        time.sleep(0.01)
        yield request + bytes([number])


def main():
    methods = {"Get": grpc.unary_unary_rpc_method_handler(get),
               "Slow": grpc.unary_unary_rpc_method_handler(get),
               "Fail": grpc.unary_unary_rpc_method_handler(refuse(grpc.StatusCode.INTERNAL)),
               "Miss": grpc.unary_unary_rpc_method_handler(refuse(grpc.StatusCode.NOT_FOUND)),
               "Watch": grpc.unary_stream_rpc_method_handler(watch)}
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("shop.Cart", methods),))
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
