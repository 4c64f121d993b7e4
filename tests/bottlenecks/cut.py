#!/usr/bin/env python3
"""Cuts a recording for the repository to a time and to what its answer needs.
Arguments: a .rec file, the .rec.xz file to make, seconds on the wall clock from and to, topics to
keep."""
import lzma
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "campaign"))
import recording  # noqa: E402


def main():
    source, target = (pathlib.Path(word) for word in sys.argv[1:3])
    offset_ns = recording.wall_offset_ns(source)
    from_ns, to_ns = (float(word) * 1e9 - offset_ns for word in sys.argv[3:5])
    topics = set(sys.argv[5:])
    target.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(target, "wb", preset=9 | lzma.PRESET_EXTREME) as packed:
        packed.write(recording.MAGIC)
        for topic, boot_ns, message in recording.messages(source):
            if from_ns <= boot_ns <= to_ns and topic in topics:
                packed.write(message)


if __name__ == "__main__":
    main()
