#!/usr/bin/env python3
"""Keeps files in the page cache, as locked memory, until it is ended. Arguments: a file that is
made once all are there, a file that names what to keep, a path a line.

Kernels that give idle memory back to their host (DAMON's pageout) drop what is read every few
seconds, pages of programs too. A campaign must decide itself when the page cache is lost."""
import ctypes
import mmap
import os
import pathlib
import signal
import sys

MAP_POPULATE = 0x8000

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def lock(path):
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        at = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED | MAP_POPULATE, file.fileno(), 0)
    if at == ctypes.c_void_p(-1).value or libc.mlock(at, size) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"lock {path}: {os.strerror(code)}")


def main():
    ready, names = map(pathlib.Path, sys.argv[1:])
    for path in names.read_text().splitlines():
        lock(path)
    ready.touch()
    signal.pause()


if __name__ == "__main__":
    main()
