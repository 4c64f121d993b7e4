"""What the peers of these tests say to each other: the client decides how long the server works and
how much it replies, so that one server serves every row of the table."""
import struct
import time

_REQUEST = struct.Struct("!III")  # bytes that follow, microseconds of work, bytes of the reply
_REPLY = struct.Struct("!IB")     # bytes that follow, REPLY or PUSH
REPLY, PUSH = 1, 2
GOLDEN = 0.6180339887498949


def request(work_s, body=64, reply_bytes=64):
    return _REQUEST.pack(body, int(work_s * 1e6), reply_bytes) + b"q" * body


def reply(size, kind=REPLY):
    return _REPLY.pack(size, kind) + b"a" * size


def take_request(data):
    """(seconds of work, bytes of the reply, the rest of the data), or None: not complete yet."""
    if len(data) < _REQUEST.size:
        return None
    size, work_us, reply_bytes = _REQUEST.unpack_from(data)
    end = _REQUEST.size + size
    return (work_us / 1e6, reply_bytes, data[end:]) if len(data) >= end else None


def take_reply(data):
    """(REPLY or PUSH, the rest of the data), or None: not complete yet."""
    if len(data) < _REPLY.size:
        return None
    size, kind = _REPLY.unpack_from(data)
    end = _REPLY.size + size
    return (kind, data[end:]) if len(data) >= end else None


def evenly(start=0.0):
    """Numbers between 0 and 1 that fill it evenly and never repeat: with these neither a quantile
    nor a bucket's interpolation hangs on chance."""
    at = start
    while True:
        at = (at + GOLDEN) % 1.0
        yield at


def works(least=0.004, start=0.0):
    """Times of work: most are short, few are long. The median is 1.32 of the least, the 95th
    percentile 3.3 of it, and at both there are as many a little shorter as a little longer."""
    for at in evenly(start):
        yield least * (1 - 0.999 * at) ** -0.4


def work(seconds):
    """What a server does with a request: it takes that long."""
    if seconds > 0:
        time.sleep(seconds)
