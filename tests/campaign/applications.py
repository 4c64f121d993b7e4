"""The applications that are watched: Redis, memcached, PostgreSQL, nginx, and three services of our
own (frontend → middle → backend). All of them listen on the server side of the wire."""
import os
import pathlib
import random
import resource
import shutil
import socket

import dns_server
from children import Surroundings, end, run, wait_until
from world import HERE, SERVER, Volume

# One address, so a port tells the application.
PORTS = {"redis": 6379, "memcached": 11211, "postgres": 5432, "nginx": 8080, "proxy": 8081,
         "frontend": 9001, "middle": 9002, "backend": 9003}
POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1:] or [pathlib.Path("/none")]
PAGES, PAGE_BYTES = 600, 65536
SERVICE_FILES = 256
# Name → microseconds of work in each request, the service beneath; from the last to the first.
SERVICES = {"backend": (200, None), "middle": (150, "backend"), "frontend": (100, "middle")}
# Operations a second of the disk that everything lies on: a small cloud disk. Without a limit a
# fast disk answers sooner than a fault of memory or cache can be felt.
DISK_READS, DISK_WRITES = 30, 400
# Of nginx's control group, all the time: three times what it serves.
NGINX_MEMORY_MIB = 110
# Of the group of the service in the middle, all the time.
MIDDLE_PIDS = 60
# Cores that groups may use, all the time: many times what they need.
CPU_LIMITS = {"redis": 0.5, "memcached": 0.5, "nginx": 0.5}


class Application:
    """A running program: its process, its port, the name of its control group."""

    def __init__(self, world, name, process):
        self.name = name
        self.port = PORTS[name]
        self.process = process
        self.pid = process.pid
        self.group = world.group(name)

    def children(self):
        return [int(pid) for pid in pathlib.Path(
            f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def pids(self):
        """Also of processes that it has started (PostgreSQL: one for each connection)."""
        return [self.pid, *self.children()]


class Service(Application):
    def __init__(self, world, name, process, control):
        super().__init__(world, name, process)
        self._control = control

    def order(self, defect, number):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as order:
            order.sendto(f"{defect} {number}".encode(), str(self._control))


def missing_programs():
    """Debian packages that are not installed."""
    needed = {"redis-server": "redis-server", "memcached": "memcached", "nginx": "nginx-light",
              "iptables-legacy": "iptables", "mkfs.ext4": "e2fsprogs", "ip": "iproute2",
              "tc": "iproute2"}
    found = [package for program, package in needed.items() if shutil.which(program) is None]
    return found if POSTGRES[0].exists() else [*found, "postgresql"]


class Applications:
    """Starts all; `["redis"]` and so on. Data lies on two volumes: `data` (PostgreSQL, Redis) and
    `pages` (what nginx serves)."""

    def __init__(self, world, build):
        self.world = world
        self.build = build
        self.all = {}
        self.data = Volume(world, "data", 512, inodes=6000)
        self.pages = Volume(world, "pages", 128)
        self.may_end = set()
        self.slower_us = {}
        self._pages_keeper = None
        self._start_redis()
        self._start_memcached()
        self._start_postgres()
        self._start_nginx()
        self._start_services()
        for name in CPU_LIMITS:
            self.restore_cpu_limit(name)

    def __getitem__(self, name):
        return self.all[name]

    def restore_cpu_limit(self, name):
        """The one that its group has without a fault."""
        self[name].group.limit_cpu(CPU_LIMITS.get(name))

    def limit_disk(self, reads=DISK_READS, writes=DISK_WRITES):
        self.world.everybody.limit_disk(self.data.beneath, reads, writes)

    def keep(self, name, paths):
        """A process that holds these files in the page cache, on the account of whoever read them
        first."""
        ready, names = (self.world.directory / f"{name}.{kind}" for kind in ("kept", "names"))
        ready.unlink(missing_ok=True)
        names.write_text("".join(f"{path}\n" for path in paths))
        keeper = self.world.serve(["/usr/bin/python3", HERE / "keeper.py", ready, names],
                                  f"keep-{name}", "keeper")
        wait_until(ready.exists, f"{name} in the page cache")
        return keeper

    def keep_programs(self, pids):
        """Also libraries; of these processes and of all applications."""
        everybody = {*pids, *(pid for application in self.all.values()
                              for pid in application.pids())}
        self.keep("programs", sorted({path for pid in everybody for path in mapped_files(pid)}))

    def fill_cache(self):
        """All pages into the page cache, on the account of nginx's group, until `release_cache`."""
        self.release_cache()
        self.limit_disk(reads=0)
        run(["sh", "-c", f"cat {self.pages.mount_point}/*.html > /dev/null"],
            Surroundings(groups=self["nginx"].group.procs()))
        self._pages_keeper = self.keep("pages", self.pages.mount_point.glob("*.html"))
        self.limit_disk()

    def release_cache(self):
        """From now on pages may be dropped like those of others."""
        end(self._pages_keeper)
        self._pages_keeper = None

    def close(self):
        for application in reversed(list(self.all.values())):
            end(application.process, 4)

    def _listening(self, name):
        line = f":{PORTS[name]} "
        wait_until(lambda: line in self.world.on_server(["ss", "-Htln"]), f"{name} listening", 30)

    def _add(self, name, process):
        self.all[name] = Application(self.world, name, process)
        self._listening(name)

    def _start_redis(self):
        directory = self.data.mount_point / "redis"
        directory.mkdir(exist_ok=True)
        self._add("redis", self.world.serve(
            ["redis-server", "--port", PORTS["redis"], "--bind", SERVER, "--protected-mode", "no",
             "--save", "", "--appendonly", "yes", "--appendfsync", "always",
             "--auto-aof-rewrite-percentage", "0", "--tcp-backlog", "16", "--dir", directory],
            "redis"))

    def _start_memcached(self):
        self._add("memcached", self.world.serve(
            ["memcached", "-u", "nobody", "-l", SERVER, "-p", PORTS["memcached"], "-m", "64",
             "-t", "1"], "memcached"))

    def _start_postgres(self):
        directory = self.data.mount_point / "postgres"
        directory.mkdir()
        shutil.chown(directory, "postgres", "postgres")
        run([POSTGRES[0] / "initdb", "-D", directory, "--auth=trust", "--no-sync", "-U",
             "postgres"], user="postgres", seconds=60)
        sockets = self.world.directory / "sockets"
        sockets.mkdir()
        sockets.chmod(0o777)
        settings = {"listen_addresses": SERVER, "port": PORTS["postgres"],
                    "unix_socket_directories": sockets, "shared_buffers": "8MB",
                    "autovacuum": "off", "checkpoint_timeout": "1h", "max_wal_size": "256MB",
                    "wal_recycle": "off", "max_parallel_workers_per_gather": 0}
        with open(directory / "postgresql.conf", "a") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in settings.items())
        with open(directory / "pg_hba.conf", "a") as file:
            file.write("host all all 10.77.0.0/16 trust\n")
        self._add("postgres", self.world.serve([POSTGRES[0] / "postgres", "-D", directory],
                                               "postgres", user="postgres"))
        table = ("create table account (id int primary key, balance int, filler text); "
                 "insert into account select i, 0, repeat('x', 80) "
                 "from generate_series(1, 20000) i;")
        wait_until(lambda: self._answers(sockets), "PostgreSQL answering")
        self._ask(sockets, table)

    def _ask(self, sockets, text):
        run([POSTGRES[0] / "psql", "-q", "-h", sockets, "-p", PORTS["postgres"], "-U", "postgres",
             "-c", text], user="postgres")

    def _answers(self, sockets):
        try:
            self._ask(sockets, "select 1")
        except RuntimeError:
            return False
        return True

    def _start_nginx(self):
        pages = self.pages.mount_point
        for i in range(PAGES):
            with open(pages / f"{i}.html", "wb") as file:
                file.write(random.Random(i).randbytes(PAGE_BYTES))
                file.flush()
                os.fdatasync(file.fileno())
                # Whoever reads it first has it on its account: that is to be nginx's group.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        own = self.world.directory / "nginx"
        own.mkdir()
        temporary = " ".join(f"{kind}_temp_path {own}/{kind};" for kind in
                             ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = own / "nginx.conf"
        configuration.write_text(
            f"daemon off; master_process off; pid {own}/pid; error_log {own}/error.log;\n"
            "events { worker_connections 512; }\n"
            f"http {{ access_log off; sendfile on; keepalive_requests 1000000; {temporary}\n"
            f" upstream front {{ server {SERVER}:{PORTS['frontend']}; keepalive 8;\n"
            "   keepalive_requests 1000000; }\n"
            f" server {{ listen {SERVER}:{PORTS['nginx']}; root {pages}; }}\n"
            f" server {{ listen {SERVER}:{PORTS['proxy']};\n"
            "   location / { proxy_pass http://front; proxy_http_version 1.1;\n"
            "     proxy_set_header Connection \"\"; } } }\n")
        self._add("nginx", self.world.serve(["nginx", "-c", configuration, "-e", own / "error.log"],
                                            "nginx"))
        self["nginx"].group.limit_memory(NGINX_MEMORY_MIB << 20)
        self.all["proxy"] = Application(self.world, "proxy", self["nginx"].process)

    def _start_services(self):
        (self.world.directory / "resolv.conf").write_text(
            "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
        self.names = self.world.serve(
            ["/usr/bin/python3", HERE / "dns_server.py", dns_server.SUFFIX, SERVER], "dns")
        for name in SERVICES:
            self.release(name)
        self["middle"].group.limit_pids(MIDDLE_PIDS)

    def release(self, name, slower_us=0):
        """Rolls a version of a service out, as a program file of its own, which is returned."""
        program = self._program_of(name)
        fresh = program.with_suffix(".new")
        shutil.copy(self.build / "bin" / "campaign_service", fresh)
        with open(fresh, "ab") as file:
            file.write(f"{name}, {slower_us} us slower".encode())
        fresh.rename(program)
        self.slower_us[name] = slower_us
        if name in self.all:
            self.may_end.add(name)
            end(self[name].process)
        self.start_service(name)
        self.may_end.discard(name)
        return program

    def _program_of(self, name):
        directory = self.world.directory / "releases" / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory / "campaign_service"

    def start_service(self, name):
        """Also starts one again that has crashed."""
        work_us, following = SERVICES[name]
        work_us += self.slower_us[name]
        control = self.world.directory / f"{name}.control"
        resolver = self.world.directory / "resolv.conf"
        control.unlink(missing_ok=True)
        more = (["--next", f"{following}{dns_server.SUFFIX}:{PORTS[following]}", "--pool", 4,
                 "--renew", 40] if following else [])
        process = self.world.serve(
            [self._program_of(name), "--address", SERVER, "--port", PORTS[name],
             "--work-us", work_us, "--control", control, *more], name,
            covered=("/etc/resolv.conf", resolver),
            limits=[(resource.RLIMIT_NOFILE, SERVICE_FILES)])
        self.all[name] = Service(self.world, name, process, control)
        self._listening(name)
        wait_until(control.exists, f"control socket of {name}")

    def start_what_ended(self, name):
        """Redis and the services, after a fault that ends them."""
        if self[name].process.poll() is not None:
            if name == "redis":
                self._start_redis()
            elif name in SERVICES:
                self.start_service(name)
            else:
                raise RuntimeError("only Redis and the services are made for that")
        self.may_end.discard(name)

    def ended(self):
        """Name of one that has ended and should not have, or None."""
        for name, application in self.all.items():
            if name not in self.may_end and application.process.poll() is not None:
                return name
        return None


def mapped_files(pid):
    """Programs and libraries that a process runs, in the namespace of this one."""
    lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    paths = {pathlib.Path(line.split(None, 5)[5]) for line in lines if line.count("/") > 1}
    return {path for path in paths if path.is_file() and not path.is_relative_to("/dev")}


def usable_processors():
    return sorted(os.sched_getaffinity(0))
