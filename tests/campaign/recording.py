"""Recordings: cut to a time, packed for the repository, run through the offline stage programs."""
import json
import lzma
import pathlib
import shutil
import struct
import subprocess
import tomllib

MAGIC = b"GALAREC1"
PREFIX = struct.Struct("<IIII")
BOOT_NS_AT = 24  # In wire::Header.


def messages(path):
    """Topic, boot time in ns and all bytes of each message; a torn end is left out."""
    data = path.read_bytes()
    if data[:8] != MAGIC:
        raise ValueError(f"{path} is no recording")
    at = 8
    while at + PREFIX.size <= len(data):
        sizes = PREFIX.unpack_from(data, at)[:3]
        padded = [size + -size % 8 for size in sizes]
        end = at + PREFIX.size + sum(padded)
        if end > len(data):
            return
        topic = data[at + PREFIX.size:at + PREFIX.size + sizes[0]].decode()
        boot_ns = struct.unpack_from("<Q", data, at + PREFIX.size + padded[0] + BOOT_NS_AT)[0]
        yield topic, boot_ns, data[at:end]
        at = end


def wall_offset_ns(path):
    """Wall clock minus boot time, as the first message says it."""
    _topic, boot_ns, message = next(messages(path))
    topic = PREFIX.unpack_from(message)[0]
    header = PREFIX.size + topic + -topic % 8
    return struct.unpack_from("<Q", message, header + BOOT_NS_AT + 8)[0] - boot_ns


def cut(source, target, from_ns, to_ns):
    """Packs the messages of that time."""
    with lzma.open(target, "wb", preset=9) as packed:
        packed.write(MAGIC)
        for _topic, boot_ns, message in messages(source):
            if from_ns <= boot_ns <= to_ns:
                packed.write(message)


def pack(source, target):
    with open(source, "rb") as plain, lzma.open(target, "wb", preset=9) as packed:
        shutil.copyfileobj(plain, packed)


def write_truth(directory, fault, began, ports):
    """What a replay is judged by, besides schemas/truth; see replay_test.py."""
    told = {"fault": fault.name, "about": fault.about, "began": began, "ports": sorted(ports),
            "injected": fault.injected}
    (directory / "truth.json").write_text(json.dumps(told, indent=1) + "\n")


def unpack(directory, target):
    """STAGE[.PORT].rec.xz → a file for each stage; name of the stage → files."""
    found = {}
    for packed in sorted(directory.glob("*.rec.xz")):
        plain = target / packed.name.removesuffix(".xz")
        with lzma.open(packed) as source, open(plain, "wb") as file:
            shutil.copyfileobj(source, file)
        found.setdefault(packed.name.split(".")[0], []).append(plain)
    return found


def producers(stage):
    """Names of the stages that a [stages.x] section reads from."""
    names = [edge if isinstance(edge, str) else edge["stage"] for edge in stage.get("from", [])]
    return [name.split(".")[0] for name in names]


def replay(programs, pipeline, recorded, directory, seconds=120):
    """Runs every stage behind what was recorded, as its program does offline; see `said_in` for
    what they say. `seconds`: how long one stage may take.

    `recorded`: name of a stage → files of what it sent. Stages are run once all that they read
    from is there; what is before the recorded stages is not needed, and a source that was not
    recorded (it is younger than the recording) is silent. Requires: the pipeline has a sink
    that writes diagnoses.jsonl."""
    stages = tomllib.loads(pipeline.read_text())["stages"]
    outputs = {name: [] for name, stage in stages.items() if not stage.get("from")} | recorded
    todo = {name: stage for name, stage in stages.items()
            if stage.get("from") and name not in outputs}
    while ready := [name for name, stage in todo.items()
                    if all(producer in outputs for producer in producers(stage))]:
        for name in ready:
            stage = todo.pop(name)
            # Two ports of one stage are one recording.
            inputs = [file for producer in dict.fromkeys(producers(stage))
                      for file in outputs[producer]]
            if not inputs:
                outputs[name] = []
                continue
            outputs[name] = [directory / f"{name}.out.rec"]
            command = [programs / f"gala-{stage['run']}", "--pipeline", pipeline, "--stage", name,
                       "--state-dir", directory / "state", "--run-dir", directory / "run",
                       "--log-level", "warn", "--output", outputs[name][0]]
            for file in inputs:
                command += ["--replay", file]
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds,
                                  check=False)
            if done.returncode != 0:
                raise RuntimeError(f"gala-{stage['run']}: {done.stdout}{done.stderr}")


def said_in(directory, journal):
    """The lines of "events" or "diagnoses" that stages below this directory have written."""
    said = []
    for path in sorted(pathlib.Path(directory).rglob(f"{journal}.jsonl")):
        said += [json.loads(line) for line in path.read_text().splitlines()]
    return said
