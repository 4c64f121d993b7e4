"""Kafka, NATS, and MongoDB's protocol as FerretDB speaks it."""
import json
import multiprocessing
import struct
import subprocess
import time

from peer import HERE, SECRET, Peer, Wire, installed, slow_ms

KAFKA_CONTROLLER = 80  # ports above the broker's
KAFKA = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={directory}/data
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
log.cleaner.enable=false
auto.create.topics.enable=false
"""


def kafka_jars():
    done = subprocess.run([HERE.parent / "kafka/install.sh", "--offline"], capture_output=True,
                          text=True, check=False)
    return done.stdout.strip().split("\n")[-1] if done.returncode == 0 else None


def kafka_is_missing():
    return "" if kafka_jars() else "needs Apache Kafka: run tests/kafka/install.sh"


def serve_kafka(place):
    file = place.directory / "server.properties"
    file.write_text(KAFKA.format(port=place.port, directory=place.directory,
                                 controller=place.port + KAFKA_CONTROLLER))
    java = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{kafka_jars()}/*")
    if place.start(*java, "kafka.tools.StorageTool", "format", "-t", "Z2FsYS10ZXN0LWNsdXN0ZQ", "-c",
                   file).wait(60) != 0:
        raise RuntimeError(f"Kafka's storage was not prepared: {place.log()}")
    place.start(*java, "kafka.Kafka", file)
    place.wait_for(seconds=90)


class Kafka(Wire):
    """Requests whose bytes are few enough to be written by hand."""

    def request(self, load, api, key, version, body=b"", error=None):
        head = struct.pack("!hhi", key, version, 7) + struct.pack("!h", 4) + b"test"
        data = struct.pack("!i", len(head + body)) + head + body
        return self.ask(load, api, data, lambda got: len(got) >= 4 and
                        len(got) >= 4 + int.from_bytes(got[:4], "big"), error)


def text(word):
    return struct.pack("!h", len(word)) + word.encode()


def talk_kafka(place, load):
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
    server = {"bootstrap.servers": f"127.0.0.1:{place.port}"}
    admin = AdminClient(server)
    for made in admin.create_topics([NewTopic("orders", 1, 1)]).values():
        made.result(30)
    producer = confluent_kafka.Producer({**server, "acks": "all", "linger.ms": 0})
    for number in range(100):
        producer.produce("orders", key=SECRET, value=SECRET * (1 + number))
        producer.flush(10)
    load.count("Produce orders", 100)
    consumer = confluent_kafka.Consumer({**server, "group.id": "g", "auto.offset.reset": "earliest",
                                         "heartbeat.interval.ms": 20_000,
                                         "session.timeout.ms": 60_000,
                                         "enable.auto.commit": False})
    consumer.subscribe(["orders"])
    got = 0
    until = time.monotonic() + 30
    while got < 100 and time.monotonic() < until:
        got += len(consumer.consume(100, 1))
    consumer.close()
    assert got == 100, f"{got} messages came back"
    with Kafka(place) as client:
        for _ in range(150):
            client.request(load, "ListGroups", 16, 0)
        for _ in range(200):  # the consumer may send one, too
            # Of a member that nobody knows: 25, unknown member.
            client.request(load, "Heartbeat", 12, 0, text(SECRET) + struct.pack("!i", 1) +
                           text(SECRET), error="client")


def serve_nats(place):
    place.start("nats-server", "-a", "127.0.0.1", "-p", str(place.port))
    place.wait_for()


class Nats(Wire):
    def __init__(self, place, load):
        super().__init__(place)
        self.read(lambda data: data.endswith(b"\r\n"))
        said = json.dumps({"verbose": False, "headers": True, "no_responders": True,
                           "pass": SECRET})
        self.send(f"CONNECT {said}\r\n".encode())
        load.extra["one_way"] += 1
        self.ask(load, "PING", b"PING\r\n", lambda data: data.endswith(b"\r\n"))


def answer_later(wire, requests):
    """The responder of a subject, a process of its own; each answer takes its time."""
    data = b""
    for milliseconds in slow_ms(5, 15, requests):
        while b"hello\r\n" not in data:
            data += wire.sock.recv(4096)
        message, data = data.split(b"hello\r\n", 1)
        inbox = message.split(b" ")[3]
        time.sleep(milliseconds / 1000)
        wire.send(b"PUB %s 5\r\nfine!\r\n" % inbox)


def talk_nats(place, load):
    requests = 120
    with Nats(place, load) as asks, Nats(place, load) as answers:
        answers.send(b"SUB orders 1\r\n")
        asks.send(b"SUB _INBOX.%s.* 1\r\n" % SECRET.encode())
        load.extra["one_way"] += 2
        for wire in (answers, asks):
            wire.ask(load, "PING", b"PING\r\n", lambda data: data.endswith(b"PONG\r\n"))
        responder = multiprocessing.Process(target=answer_later, args=(answers, requests))
        responder.start()
        for number in range(requests):
            asks.ask(load, "PUB", b"PUB orders _INBOX.%s.%d 5\r\nhello\r\n" %
                     (SECRET.encode(), number), lambda data: data.endswith(b"fine!\r\n"))
        responder.join()
        load.extra["one_way"] += 2 * requests  # the responder is told, and publishes
        for number in range(20):
            asks.ask(load, "PUB", b"PUB nobody _INBOX.%s.9%d 2\r\nhi\r\n" %
                     (SECRET.encode(), number), lambda data: data.endswith(b"\r\n\r\n"),
                     error="server")


MONGO_MESSAGE = 2013


class Mongo(Wire):
    def command(self, load, api, document, error=None, timed=True):
        import bson
        body = struct.pack("<I", 0) + b"\0" + bson.encode(document)
        data = struct.pack("<iiii", 16 + len(body), 7, 0, MONGO_MESSAGE) + body
        reply = self.ask(load, api, data, lambda got: len(got) >= 4 and
                         len(got) >= int.from_bytes(got[:4], "little"), error, timed)
        return bson.decode(reply[21:])


def mongo_is_missing():
    return "" if installed("mongo_server") else "needs FerretDB: run tests/l7/install.sh"


def serve_mongo(place):
    data = place.directory / "data"
    data.mkdir()
    place.start(installed("mongo_server"), str(place.port), data)
    place.wait_for()


def talk_mongo(place, load):
    import pymongo
    client = pymongo.MongoClient("127.0.0.1", place.port, directConnection=True)
    orders = client.shop.orders
    for number in range(50):
        orders.insert_one({"_id": number, "name": SECRET})
        orders.find_one({"_id": number, "name": SECRET})
        orders.update_one({"_id": number}, {"$set": {"name": SECRET + "2"}})
    assert len(list(orders.find(batch_size=20))) == 50
    load.count("insert orders", 50)
    load.count("find orders", 51)
    load.count("update orders", 50)
    load.count("getMore orders", 2)
    client.close()
    with Mongo(place) as wire:
        for number, size in enumerate(slow_ms(100, 300, 100)):
            many = [{"_id": 1000 * (number + 1) + each, "name": SECRET * 20}
                    for each in range(round(size))]
            wire.command(load, "insert many", {"insert": "many", "documents": many, "$db": "shop"})
        for _ in range(20):
            said = wire.command(load, "insert orders", {
                "insert": "orders", "documents": [{"_id": 1, "name": SECRET}], "$db": "shop"},
                error="client", timed=False)
            assert said["writeErrors"][0]["code"] == 11000, said
            wire.command(load, "~other", {SECRET: 1, "$db": "shop"}, error="client", timed=False)


PEERS = [
    Peer("kafka", "kafka", serve_kafka, talk_kafka, modules=("confluent_kafka",),
         missing=kafka_is_missing, judged=("ListGroups", "Heartbeat"), chatter=True),
    Peer("nats", "nats", serve_nats, talk_nats, programs=("nats-server",), judged=("PUB",)),
    Peer("ferretdb", "mongodb", serve_mongo, talk_mongo, modules=("pymongo", "bson"),
         missing=mongo_is_missing, judged=("insert many",), chatter=True),
]
