"""PostgreSQL and MariaDB: text, prepared statements, errors, data in bulk."""
import contextlib
import glob
import struct

from peer import SECRET, Peer, slow_ms

SLOW_MS = slow_ms(8, 20, 100)


def postgresql_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else None


def postgresql_is_missing():
    return "" if postgresql_program("initdb") else "needs PostgreSQL: apt-get install postgresql"


def serve_postgresql(place):
    data = place.directory / "data"
    made = place.start(postgresql_program("initdb"), "--pgdata", data, "--auth", "trust",
                       "--no-sync", user="postgres")
    if made.wait(60) != 0:
        raise RuntimeError(f"initdb failed: {place.log()}")
    place.start(postgresql_program("postgres"), "-D", data, "-p", str(place.port), "-h",
                "127.0.0.1", "-k", "", "-c", "fsync=off", user="postgres")
    place.wait_for()


def talk_postgresql(place, load):
    import psycopg
    text = f"host=127.0.0.1 port={place.port} user=postgres dbname=postgres sslmode=disable"

    def connect(**words):
        load.count("STARTUP")
        return psycopg.connect(text, autocommit=True, **words)

    def do(cursor, statement, api, words=(), error=None, timed=True, **how):
        with load.asks(api, error, timed), contextlib.suppress(psycopg.Error):
            cursor.execute(statement, words, **how)

    with connect() as session, session.cursor() as cursor:
        do(cursor, "CREATE TABLE users (id int PRIMARY KEY, name text)",
           "CREATE TABLE users (id int PRIMARY KEY, name text)")
        by_id = "SELECT name FROM users WHERE id = ?"
        add = "INSERT INTO users VALUES (?)"
        for number in range(40):
            # The extended protocol: Parse, Bind, Execute, Sync at once; later statements by name.
            do(cursor, "INSERT INTO users VALUES (%s, %s)", add, (number, SECRET), prepare=False)
            do(cursor, "SELECT name FROM users WHERE id = %s", by_id, (number,), prepare=False)
        for _ in range(20):
            do(cursor, "INSERT INTO users VALUES (%s, %s)", add, (1, SECRET), "client",
               prepare=False)
            do(cursor, "SELECT 1 / %s::int", "SELECT ? / ?::int", (0,), "client", prepare=False)
            do(cursor, f"SELECT {SECRET} FROM nowhere", "~other", None, "client", prepare=False)
        with cursor.copy("COPY users FROM STDIN") as copy:
            for number in range(1000, 3000):
                copy.write_row((number, SECRET))
        load.count("COPY users FROM STDIN")
        with cursor.copy("COPY users TO STDOUT") as copy:
            assert len(list(copy)) > 2000
        load.count("COPY users TO STDOUT")
    with connect() as session:
        cursor = psycopg.ClientCursor(session)  # the simple protocol: values in the text
        for number in range(40):
            do(cursor, "SELECT name FROM users WHERE id = %s", by_id, (number,))
        for milliseconds in SLOW_MS:
            do(cursor, "SELECT pg_sleep(%s)", "SELECT pg_sleep(?)", (milliseconds / 1000,))
        do(cursor, "SET statement_timeout = %s", "SET statement_timeout = ?", ("20ms",))
        for _ in range(10):
            do(cursor, "SELECT pg_sleep(1)", "SELECT pg_sleep(?)", (), "server")
        session.close()


def serve_mariadb(place):
    data = place.directory / "data"
    made = place.start("mariadb-install-db", "--no-defaults", f"--datadir={data}",
                       "--auth-root-authentication-method=normal", "--skip-test-db", user="mysql")
    if made.wait(120) != 0:
        raise RuntimeError(f"mariadb-install-db failed: {place.log()}")
    place.start("mariadbd", "--no-defaults", f"--datadir={data}", f"--port={place.port}",
                "--bind-address=127.0.0.1", f"--socket={place.directory}/socket",
                "--innodb-lock-wait-timeout=1", "--innodb-buffer-pool-size=16M",
                f"--pid-file={place.directory}/pid", user="mysql")
    place.wait_for()


class Prepared:
    """A statement with one number as its parameter, by the binary protocol."""

    def __init__(self, session, load, statement, api):
        self.session, self.load, self.api = session, load, api
        session._execute_command(0x16, statement)
        first = session._read_packet()._data
        self.number = first[1:5]
        columns, parameters = struct.unpack("<HH", first[5:9])
        self._skip(columns)
        self._skip(parameters)
        load.count("COM_STMT_PREPARE")

    def _skip(self, definitions):
        for _ in range(definitions + 1 if definitions else 0):
            self.session._read_packet()

    def execute(self, value):
        words = self.number + b"\0\1\0\0\0" + b"\0" + b"\1" + b"\3\0" + struct.pack("<i", value)
        with self.load.asks(self.api, timed=False):
            self.session._execute_command(0x17, words)
            columns = self.session._read_packet()._data[0]
            self._skip(columns)
            while not self.session._read_packet().is_eof_packet():
                pass

    def close(self):
        self.session._execute_command(0x19, self.number)
        self.load.extra["one_way"] += 1


def talk_mariadb(place, load):
    import pymysql

    def connect():
        load.count("CONNECT")
        return pymysql.connect(host="127.0.0.1", port=place.port, user="root", autocommit=True,
                               ssl_disabled=True)

    def do(session, statement, api, words=None, error=None, timed=True):
        with load.asks(api, error, timed), contextlib.suppress(pymysql.MySQLError), \
                session.cursor() as cursor:
            cursor.execute(statement, words)

    session, other = connect(), connect()
    do(session, "CREATE DATABASE shop", "CREATE DATABASE shop")
    for each in (session, other):
        each.select_db("shop")
        load.count("COM_INIT_DB")
    do(session, "CREATE TABLE users (id int PRIMARY KEY, name text)",
       "CREATE TABLE users (id int PRIMARY KEY, name text)")
    by_id, add = "SELECT name FROM users WHERE id = ?", "INSERT INTO users VALUES (?)"
    for number in range(100):
        do(session, "INSERT INTO users VALUES (%s, %s)", add, (number, SECRET))
        do(session, "SELECT name FROM users WHERE id = %s", by_id, (number,))
    for _ in range(20):
        do(session, "INSERT INTO users VALUES (1, %s)", add, (SECRET,), "client")
        do(session, f"SELEC {SECRET}", "~other", None, "client")
    statement = Prepared(session, load, "SELECT name FROM users WHERE id = ?", by_id)
    for number in range(100):
        statement.execute(number)
    statement.close()
    for milliseconds in SLOW_MS:
        do(session, "SELECT SLEEP(%s)", "SELECT SLEEP(?)", (milliseconds / 1000,))
    do(other, "BEGIN", "BEGIN")
    change = "UPDATE users SET name = ? WHERE id = ?"
    do(other, "UPDATE users SET name = 'x' WHERE id = 1", change)
    for _ in range(3):
        do(session, "UPDATE users SET name = 'y' WHERE id = 1", change, None, "server", False)
    do(other, "ROLLBACK", "ROLLBACK")
    for each in (session, other):
        each.ping()
        load.count("COM_PING")
        each.close()
        load.extra["one_way"] += 1


PEERS = [
    Peer("postgresql", "postgresql", serve_postgresql, talk_postgresql, modules=("psycopg",),
         missing=postgresql_is_missing, judged=("SELECT pg_sleep(?)",)),
    Peer("mariadb", "mysql", serve_mariadb, talk_mariadb, modules=("pymysql",),
         programs=("mariadbd", "mariadb-install-db"), judged=("SELECT SLEEP(?)",)),
]
