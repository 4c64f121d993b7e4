"""What a test needs before it begins: permission, or it is skipped, and a port for its server."""
import os
import socket
import sys

SKIPPED = 77


def skip(reason):
    """Ends the test as CTest's "skipped"; as failed where the kernel tests must run."""
    print(reason)
    sys.exit(1 if os.environ.get("REQUIRE_KERNEL") == "1" else SKIPPED)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
