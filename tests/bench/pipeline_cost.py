#!/usr/bin/env python3
"""What the default pipeline costs a host: CPU, memory, time in BPF programs, lost Redis throughput.

Starts Redis and the pipeline privately, measures, stops both. Needs root, redis-server and bpftool.
Usage: pipeline_cost.py --build DIR [--pipeline FILE] [--rate 10000] [--seconds 20] [--pairs 8]
Prints one JSON object on standard output; progress goes to standard error.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

from started import end, end_on_signals, output_of, started

TICKS = os.sysconf("SC_CLK_TCK")
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2) as client:
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False


@contextlib.contextmanager
def redis(directory):
    """A private Redis; gives its port."""
    port = free_port()
    with started("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                 "--dir", directory, stdout=subprocess.DEVNULL):
        wait_until(lambda: answers(port), "Redis answering")
        yield port


class Pipeline:
    """The stages as plain children: supervisord is not part of the cost."""

    def __init__(self, build, file, directory):
        self.build, self.file, self.directory = build, file, directory
        self.processes = {}

    def __enter__(self):
        self.log = open(f"{self.directory}/stages.log", "ab")
        try:
            for name, stage in tomllib.loads(self.file.read_text())["stages"].items():
                self.processes[name] = subprocess.Popen(
                    [self.build / "bin" / f"gala-{stage['run']}", "--pipeline", self.file,
                     "--stage", name, "--run-dir", f"{self.directory}/run",
                     "--state-dir", f"{self.directory}/state"],
                    stdout=self.log, stderr=self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end(self.processes.values())
        self.log.close()

    def pids(self):
        return {name: process.pid for name, process in self.processes.items()}

    def check(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise SystemExit(f"stage {name} ended with {process.returncode}: "
                                 + pathlib.Path(self.log.name).read_text()[-500:])


@contextlib.contextmanager
def run_time_statistics():
    """The kernel measures all BPF programs meanwhile."""
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        yield
    finally:
        STATS.write_text(before)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def proportional_bytes(pid):
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class MemoryPeak(threading.Thread):
    """Samples the sum of all stages' PSS until the block ends."""

    def __init__(self, pipeline):
        super().__init__(daemon=True)
        self.pipeline, self.peak, self.ended = pipeline, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.25):
            self.peak = max(self.peak, sum(map(proportional_bytes, self.pipeline.pids().values())))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()


def bpftool(*arguments):
    return json.loads(output_of("bpftool", "-j", *arguments))


class BpfObjects:
    """Programs and maps that were not there when this was made: the pipeline's."""

    def __init__(self):
        self.known = {kind: {one["id"] for one in bpftool(kind, "show")}
                      for kind in ("prog", "map")}

    def new(self, kind):
        return [one for one in bpftool(kind, "show") if one["id"] not in self.known[kind]]

    def run_time(self):
        """Name, run time and count of each program."""
        return {one["id"]: (one.get("name", "?"), one.get("run_time_ns", 0), one.get("run_cnt", 0))
                for one in self.new("prog")}

    def map_bytes(self):
        return sum(one.get("bytes_memlock", 0) for one in self.new("map"))


def load(build, port, rate, seconds):
    out = output_of(build / "bin" / "redis_load", "--port", port, "--rate", rate,
                    "--seconds", seconds, "--connections", 20)
    return json.loads(out.splitlines()[-1])


def measure_interval(pipeline, objects, action):
    """CPU cores of each stage and BPF time while `action` runs."""
    pids = pipeline.pids()
    before_cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
    before_bpf, began = objects.run_time(), time.monotonic()
    outcome = action()
    elapsed = time.monotonic() - began
    cores = {name: (cpu_seconds(pid) - before_cpu[name]) / elapsed for name, pid in pids.items()}
    programs = {}
    for ident, (name, run_time, count) in objects.run_time().items():
        _, old_time, old_count = before_bpf.get(ident, (name, 0, 0))
        programs[name] = {"ns": run_time - old_time, "runs": count - old_count}
    pipeline.check()
    return outcome, elapsed, cores, programs


def measure_cost(arguments, directory):
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(redis(directory))
        objects = BpfObjects()
        pipeline = stack.enter_context(Pipeline(arguments.build, arguments.pipeline, directory))
        memory = stack.enter_context(MemoryPeak(pipeline))
        stack.enter_context(run_time_statistics())
        say("settling …")
        time.sleep(8)
        _, _, idle, _ = measure_interval(pipeline, objects, lambda: time.sleep(arguments.seconds))
        say(f"idle: {sum(idle.values()):.3f} cores; loading with {arguments.rate} requests/s …")
        done, elapsed, busy, programs = measure_interval(
            pipeline, objects,
            lambda: load(arguments.build, port, arguments.rate, arguments.seconds))
        total_ns = sum(one["ns"] for one in programs.values())
        return {
            "idle_cores": round(sum(idle.values()), 4),
            "busy_cores": round(sum(busy.values()), 4),
            "busy_cores_by_stage": {name: round(value, 4) for name, value in busy.items()},
            "requests_per_s": round(done["requests"] / done["seconds"], 1),
            "bpf_cores": round(total_ns / 1e9 / elapsed, 5),
            "bpf_ns_per_request": round(total_ns / done["requests"], 1),
            "bpf_programs": {name: one for name, one in sorted(
                programs.items(), key=lambda item: -item[1]["ns"]) if one["runs"]},
            "pss_peak_mb": round(memory.peak / 1e6, 1),
            "bpf_map_mb": round(objects.map_bytes() / 1e6, 2),
        }


def saturated(port):
    """GETs a second of 20 clients that never pause."""
    out = output_of("redis-benchmark", "-p", port, "-t", "get", "-n", 300000, "-c", 20, "--csv")
    return float(out.splitlines()[-1].split(",")[1].strip('"'))


def measure_loss(arguments, directory):
    """Redis at saturation with the pipeline running and not, in turn; the ratio of each pair."""
    ratios = []
    with redis(directory) as port:
        saturated(port)
        for pair in range(arguments.pairs):
            without = saturated(port)
            with Pipeline(arguments.build, arguments.pipeline, directory) as pipeline:
                time.sleep(4)
                with_probes = saturated(port)
                pipeline.check()
            ratios.append(with_probes / without)
            say(f"pair {pair + 1}: {without:.0f} → {with_probes:.0f} requests/s")
    return {"pairs": len(ratios), "throughput_ratio_median": round(statistics.median(ratios), 3),
            "throughput_ratio_min": round(min(ratios), 3),
            "throughput_ratio_max": round(max(ratios), 3)}


def check_needs():
    """Says what is missing before anything is started."""
    if os.geteuid() != 0:
        raise SystemExit("needs root: it loads BPF programs and reads other processes' memory maps")
    missing = [program for program in ("redis-server", "redis-benchmark", "bpftool")
               if not shutil.which(program)]
    if missing:
        raise SystemExit(f"{', '.join(missing)} not found; "
                         "tests/bench/run.sh installs what it needs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--pipeline", type=pathlib.Path)
    parser.add_argument("--rate", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=8)
    arguments = parser.parse_args()
    end_on_signals()
    check_needs()
    arguments.build = arguments.build.resolve()
    arguments.pipeline = (arguments.pipeline or
                          arguments.build / "share/gala/pipelines/single-host.toml").resolve()
    with tempfile.TemporaryDirectory(prefix="gala-bench-") as directory:
        result = measure_cost(arguments, directory)
        if arguments.pairs:
            result.update(measure_loss(arguments, directory))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
