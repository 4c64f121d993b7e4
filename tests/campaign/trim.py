#!/usr/bin/env python3
"""Makes a recording small enough for the repository: less of the time before, and without tables
that its answer does not need. Arguments: a recording, the directory to make, seconds before the
fault to keep, [topics to leave out]. Whether the answer is still right, replay_test.py says."""
import json
import lzma
import pathlib
import shutil
import sys
import tempfile

import recording


def main():
    source, target = (pathlib.Path(word) for word in sys.argv[1:3])
    before_s, left_out = float(sys.argv[3]), set(sys.argv[4:])
    target.mkdir(parents=True, exist_ok=True)
    began = json.loads((source / "truth.json").read_text())["began"]
    with tempfile.TemporaryDirectory() as name:
        for files in recording.unpack(source, pathlib.Path(name)).values():
            for plain in files:
                from_ns = (began - before_s) * 1e9 - recording.wall_offset_ns(plain)
                packed = target / f"{plain.name}.xz"
                with lzma.open(packed, "wb", preset=9 | lzma.PRESET_EXTREME) as file:
                    file.write(recording.MAGIC)
                    for topic, boot_ns, message in recording.messages(plain):
                        if boot_ns >= from_ns and topic not in left_out:
                            file.write(message)
    shutil.copy(source / "truth.json", target)


if __name__ == "__main__":
    main()
