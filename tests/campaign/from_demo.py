#!/usr/bin/env python3
"""Packs what `gala demo --record DIR` has written as a recording for replay_test.py.
Arguments: that directory, the directory to make."""
import json
import pathlib
import sys

import recording

# The answers that the demonstration's own scorer takes (runtime/cli/demo/score.cpp).
ANSWERS = {
    "cpu": [{"entity": "proc"}, {"entity": "cpu", "marked": False}],
    "disk": [{"entity": "disk"}, {"entity": "block"}],
    "net": [{"entity": "tcp_link", "keyword": "network", "marked": False}],
    "accept-queue": [{"entity": "endpoint_tcp", "marked": False}],
    "app": [{"entity": "sli", "keyword": "application", "marked": False}, {"entity": "proc"}],
}


def main():
    source, target = (pathlib.Path(word) for word in sys.argv[1:3])
    scene = json.loads((source / "scene.json").read_text())
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.rec")):
        recording.pack(path, target / f"{path.name}.xz")
        offset = recording.wall_offset_ns(path)
    truth = {"fault": scene["fault"], "about": scene["what"],
             "began": (scene["injected_boot_ns"] + offset) / 1e9, "ports": [str(scene["port"])],
             "marks": scene["marks"], "answers": ANSWERS[scene["fault"]]}
    (target / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
