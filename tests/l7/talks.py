"""Conversations of every protocol, as they were recorded for the parsers' tests, and what becomes
of them in hostile hands. A talk is a list of (">" or "<", bytes): what the client says, what the
server says."""
import gzip
import random

import observed

PROTOCOLS = observed.TESTS.parent / "stages/l7-source/protocols"

_DNS = (b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01",
        b"\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01")
_MONGO = (b"\x0c\x00\x00\x00\x10ping\x00\x01\x00\x00\x00\x00",
          b"\x11\x00\x00\x00\x01ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f\x00")


def _mongo(document, number, answers):
    document = len(document).to_bytes(4, "little") + document[4:]
    words = (21 + len(document), number, answers, 2013)
    return b"".join(word.to_bytes(4, "little") for word in words) + bytes(5) + document


# Of protocols whose parsers have no recording.
BY_HAND = {
    "dns": [(mark, len(data).to_bytes(2, "big") + data)
            for _ in range(4) for mark, data in zip("><", _DNS)],
    "mongodb": [(mark, _mongo(data, number, number - 1 if mark == "<" else 0))
                for number in (1, 3, 5) for mark, data in zip("><", _MONGO)],
    "nats": [("<", b'INFO {"server_id":"x"}\r\n'), (">", b"CONNECT {}\r\nPING\r\n"),
             ("<", b"PONG\r\n"), (">", b"SUB _INBOX.a 1\r\nPUB orders _INBOX.a 5\r\nhello\r\n"),
             ("<", b"MSG _INBOX.a 1 2\r\nhi\r\n")],
}


def _lines(file):
    for line in file.read_text(encoding="latin-1").splitlines():
        if line[:2] in ("> ", "< "):
            text = line[2:].encode("latin-1").decode("unicode_escape")
            yield line[0], text.encode("latin-1")


def all_talks():
    """By protocol and file."""
    talks = dict(BY_HAND)
    for file in sorted(PROTOCOLS.glob("*/captures/*.txt")):
        talks[f"{file.parent.parent.name}/{file.stem}"] = list(_lines(file))
    return talks


def intact(talk, _):
    return talk


def in_small_pieces(talk, _):
    """Each message in five reads and writes; the kernel tells 16 of a direction."""
    pieces = []
    for mark, data in talk:
        size = max(1, len(data) // 4)
        pieces += [(mark, data[begin:begin + size]) for begin in range(0, len(data), size)]
    return pieces


def truncated(talk, chance):
    """Everything up to some byte, and then the end."""
    cut = chance.randrange(len(talk))
    mark, data = talk[cut]
    return talk[:cut] + [(mark, data[:chance.randint(1, max(1, len(data) - 1))])]


def holes(talk, chance):
    """Bytes are missing in the midst of messages."""
    torn = []
    for mark, data in talk:
        at = chance.randrange(len(data))
        torn.append((mark, data[:at] + data[at + chance.randint(1, 30):] or b"\0"))
    return torn


def all_at_once(talk, _):
    """All requests, then all replies, and again."""
    asked = b"".join(data for mark, data in talk if mark == ">")
    answered = b"".join(data for mark, data in talk if mark == "<")
    return [(mark, data) for mark, data in ((">", asked), ("<", answered)) if data]


def mixed_up(talk, chance):
    """The lines of the talk in another order."""
    lines = list(talk)
    chance.shuffle(lines)
    return lines


def the_wrong_way(talk, _):
    """The client says what servers say."""
    return [("<" if mark == ">" else ">", data) for mark, data in talk]


def flipped(talk, chance):
    """A bit here and there."""
    lines = []
    for mark, data in talk:
        changed = bytearray(data)
        for _ in range(1 + len(changed) // 40):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        lines.append((mark, bytes(changed)))
    return lines


def lying(talk, chance):
    """Lengths and counts that nothing keeps."""
    lines = []
    for mark, data in talk:
        at = chance.randrange(len(data))
        lie = chance.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"99999999999"])
        lines.append((mark, data[:at] + lie + data[at + len(lie):]))
    return lines


def zipped(talk, _):
    return [(mark, gzip.compress(data)) for mark, data in talk]


def noise(talk, chance):
    return [(mark, chance.randbytes(max(64, len(data)))) for mark, data in talk]


def gigantic(talk, chance):
    """Messages begin as they should, and do not end."""
    lines = []
    for mark, data in talk[:4]:
        lines.append((mark, data[:max(8, len(data) * 2 // 3)] + chance.randbytes(1 << 20)))
    return lines


# What becomes of a talk → whether each request must still be counted: exactly as often as it was.
HANDS = {intact: True, in_small_pieces: False, truncated: False, holes: False, all_at_once: False,
         mixed_up: False, the_wrong_way: False, flipped: False, lying: False, zipped: False,
         noise: False, gigantic: False}


def seeded(name):
    return random.Random(f"gala {name}")


