"""Programs that are started and ended, whatever happens in between."""
import contextlib
import signal
import subprocess
import sys


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
running = []


def end_on_signals():
    """The first signal ends this program and all that it started; more do not disturb that."""
    def leave(number, _):
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        # Python drops an exit that is raised while it finalizes an object; the programs end all
        # the same, and we with them.
        for process in running:
            process.terminate()
        sys.exit(128 + number)
    for number in SIGNALS:
        signal.signal(number, leave)


def end(processes, seconds=10):
    """Asks all to end and waits; those that do not are killed."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def started(*command, **options):
    """The process while the block runs."""
    process = subprocess.Popen([str(word) for word in command], **options)
    running.append(process)
    try:
        yield process
    finally:
        end([process])
        running.remove(process)


def output_of(*command, check=True):
    """What a program prints; it is asked to end when we are ended meanwhile."""
    with started(*command, stdout=subprocess.PIPE, text=True) as process:
        printed = process.communicate()[0]
        if check and process.returncode:
            raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return printed
