#!/usr/bin/env python3
"""Packs what `gala demo --record DIR` has written as a recording for replay_test.py.
Arguments: that directory, the directory to make."""
import json
import pathlib
import sys
import types

import recording
import truth


def main():
    source, target = (pathlib.Path(word) for word in sys.argv[1:3])
    scene = json.loads((source / "scene.json").read_text())
    target.mkdir(parents=True, exist_ok=True)
    # A source that had nothing to say is no part of it.
    said = [path for path in sorted(source.glob("*.rec")) if any(recording.messages(path))]
    for path in said:
        recording.pack(path, target / f"{path.name}.xz")
    offset = recording.wall_offset_ns(said[0])
    [kind] = [name for name, known in truth.load().items() if known.demo == scene["fault"]]
    fault = types.SimpleNamespace(name=kind, about=scene["what"], injected=scene["injected"])
    began = (scene["injected_boot_ns"] + offset) / 1e9
    recording.write_truth(target, fault, began, {str(scene["port"])})


if __name__ == "__main__":
    main()
