#!/usr/bin/env python3
"""nginx begins to answer 500 to half of the requests of one route: an event, and a diagnosis that
names the route.

    errors_test.py PROGRAMS SHARE

Everything is real: nginx, its clients, the probe in the kernel and all stages as processes of their
own. The control is the time before, in which nobody may say anything about errors, and the route
that stays well.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from prerequisites import free_port, skip

QUIET_SECONDS = 25
ANSWER_SECONDS = 60

PIPELINE = """
[pipeline]
name   = "l7-test"
period = "1s"
[stages.system]
run = "proc-source"
[stages.protocols]
run = "l7-source"
[stages.assemble]
run  = "entity-assembler"
from = ["system", "protocols"]
[stages.limits]
run  = "threshold"
from = ["assemble"]
[stages.topology]
run  = "topology"
from = ["assemble"]
[stages.events]
run  = "dedup"
from = ["limits", "topology"]
[stages.infer]
run  = "infer"
from = ["assemble", "events", "topology", "protocols.samples"]
[stages.journal]
run  = "file-sink"
from = ["events", "infer"]
[override.l7.check.server_errors_rise]
warmup = "10s"
"""

NGINX = """
daemon off; pid {directory}/pid; error_log {directory}/error.log; worker_processes 1;
events {{ }}
http {{
  access_log off;
  split_clients "$request_id" $half {{ 50% fail; * ok; }}
  server {{
    listen 127.0.0.1:{port};
    location /pay {{
      set $answer ok;
      if (-f {directory}/released) {{ set $answer $half; }}
      if ($answer = fail) {{ return 500; }}
      return 200 "paid";
    }}
    location / {{ return 200 "hello"; }}
  }}
}}
"""


def lines_of(path):
    if not path.exists():
        return []
    with contextlib.suppress(json.JSONDecodeError):
        return [json.loads(line) for line in path.read_text().splitlines()]
    return []  # the last line is not complete yet


def ask_until(stop, port):
    """A hundred requests a second, half of them for the route that will fail."""
    while not stop.is_set():
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in range(50):
                client.request("GET", f"/pay?card={number}" if number % 2 else "/browse")
                answer = client.getresponse()
                answer.read()
                if answer.will_close:
                    client.close()
                stop.wait(0.01)
        client.close()


def errors_in(events):
    return [event for event in events if "errors of the server" in json.dumps(event)]


class Scene:
    """nginx, its clients and the stages; ends all of them."""

    def __init__(self, programs, share, directory):
        self.directory = directory
        self.port = free_port()
        (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=self.port))
        (directory / "pipeline.toml").write_text(PIPELINE)
        os.chmod(directory, 0o755)
        self.processes = [subprocess.Popen(
            ["nginx", "-p", directory, "-c", directory / "nginx.conf"])]
        for name, program in self.stages():
            log = open(directory / f"{name}.log", "w", encoding="utf-8")
            self.processes.append(subprocess.Popen(
                [programs / f"gala-{program}", "--pipeline", directory / "pipeline.toml",
                 "--stage", name, "--run-dir", directory / "run", "--state-dir",
                 directory / "state", "--share-dir", share], stdout=log, stderr=log))
            log.close()
        self.stop = threading.Event()
        self.clients = threading.Thread(target=ask_until, args=(self.stop, self.port))
        self.clients.start()

    @staticmethod
    def stages():
        sections = PIPELINE.split("[stages.")[1:]
        return [(section.split("]")[0], section.split('run = "' if 'run = "' in section else
                                                      'run  = "')[1].split('"')[0])
                for section in sections]

    def journal(self, name):
        return lines_of(self.directory / "state/l7-test" / f"{name}.jsonl")

    def close(self):
        self.stop.set()
        self.clients.join()
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=15)

    def wait_for(self, found, seconds):
        """What `found` gives, once that is something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            result = found()
            if result:
                return result
            time.sleep(0.5)
        logs = "\n".join(f"{log.name}: {log.read_text()[-600:]}"
                         for log in self.directory.glob("*.log"))
        raise AssertionError(f"nothing within {seconds} s\n{logs}")


def diagnosis_of(scene):
    for diagnosis in reversed(scene.journal("diagnoses")):
        text = json.dumps(diagnosis, ensure_ascii=False)
        if "server_err_ratio" in text:
            return text
    return None


def check(scene):
    quiet_until = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < quiet_until:
        assert not errors_in(scene.journal("events")), "an alarm before anything failed"
        time.sleep(0.5)
    (scene.directory / "released").touch()
    event = scene.wait_for(lambda: errors_in(scene.journal("events")), ANSWER_SECONDS)[0]
    print("event:", json.dumps(event, ensure_ascii=False)[:400])
    text = scene.wait_for(lambda: diagnosis_of(scene), ANSWER_SECONDS)
    print("diagnosis:", text[:800])
    assert "itself fails at GET /pay" in text, "the diagnosis does not name the route"
    assert "fails at GET /browse" not in text, "the route that is well is named"
    samples = json.loads(text)["Resource"]["samples"]
    print("requests:", *(sample["desc"] for sample in samples), sep="\n  ")
    assert 0 < len(samples) <= 5, "the diagnosis shows no failed request"
    assert all(sample["api"] == "GET /pay" and sample["code"] == "500" and
               sample["peer"] == "127.0.0.1" for sample in samples), "it shows others"


def main():
    programs, share = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    if os.geteuid() != 0 or not pathlib.Path("/sys/kernel/btf/vmlinux").exists():
        skip("needs root and kernel BTF")
    if not shutil.which("nginx"):
        skip("needs nginx: apt-get install nginx-light")
    with tempfile.TemporaryDirectory(prefix="gala-l7-") as directory:
        scene = Scene(programs, share, pathlib.Path(directory))
        try:
            check(scene)
        finally:
            scene.close()


if __name__ == "__main__":
    main()
