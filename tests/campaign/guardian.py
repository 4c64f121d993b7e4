#!/usr/bin/env python3
"""Waits for the end of a campaign, whichever, and takes away what it has made.
Arguments: its process id, its directory, the name of its control groups, keep|remove."""
import contextlib
import os
import pathlib
import select
import signal
import sys

from world import clean


def main():
    pid, directory, name, keep = sys.argv[1:5]
    # Ctrl-C is for the campaign; the guardian outlives it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    directory = pathlib.Path(directory)
    with contextlib.suppress(ProcessLookupError):
        campaign = os.pidfd_open(int(pid))
        # "done" is written when the campaign has ended its children and waits for us.
        while not (directory / "done").exists():
            if select.select([campaign], [], [], 0.2)[0]:
                break
    clean(directory, name, keep == "keep")


if __name__ == "__main__":
    main()
