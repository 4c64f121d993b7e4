"""What clients have measured, what the probe has measured, and when the two agree."""
import math
import threading

# A quantile may differ by so much; of fast requests a client sees its own waking up as well.
RELATIVE, ABSOLUTE_NS = 0.05, 50_000
# Requests under way when a load begins or ends are seen by one side only.
COUNT_RELATIVE, COUNT_ABSOLUTE = 0.01, 3


class Witness:
    """A client's own record. Threads of one process share it."""

    def __init__(self):
        self.times_ns = []
        self.rests_ns = []
        self._lock = threading.Lock()
        self.requests = 0

    def sends(self):
        with self._lock:
            self.requests += 1

    def waited(self, nanoseconds):
        self.times_ns.append(nanoseconds)

    def sent_late(self, nanoseconds):
        """So long a client took from the first byte of a request to its last."""
        self.rests_ns.append(nanoseconds)

    def as_dict(self):
        return {"requests": self.requests, "times_ns": sorted(self.times_ns),
                "rests_ns": sorted(self.rests_ns)}


def exact_quantile(times, share):
    """(low, high): a quantile of a small sample lies between two of its values."""
    rank = share * len(times)
    low = max(0, math.floor(rank) - 2)
    high = min(len(times) - 1, math.ceil(rank))
    return times[low], times[high]


def quantile(buckets, maximum, share):
    """Of a histogram as `gala tap` writes it: upper bound → count. Interpolated, as the pipeline
    does; None when it is empty."""
    total = sum(buckets.values())
    if not total:
        return None
    rank, below, last = share * total, 0, 0.0
    bounds = sorted(buckets)
    for bound in bounds:
        here = buckets[bound]
        if here and below + here >= rank:
            low = _bound_below(bound)
            high = min(bound, maximum) if maximum else bound
            return min(low + (high - low) * (rank - below) / here, high)
        below, last = below + here, bound
    return last


def _bound_below(bound):
    """Four buckets an octave from 1024 ns on (the probes' histogram.h)."""
    if bound <= 1024:
        return 0.0
    if math.isinf(bound):
        return float(1 << 34)
    octave = 1 << (math.ceil(math.log2(bound)) - 1)
    return bound - octave / 4


def agree(times, buckets, maximum, share):
    measured = quantile(buckets, maximum, share)
    if measured is None or not times:
        return False
    low, high = exact_quantile(times, share)
    return (low - max(RELATIVE * low, ABSOLUTE_NS) <= measured
            <= high + max(RELATIVE * high, ABSOLUTE_NS))


def counts_agree(sent, counted):
    return abs(sent - counted) <= max(COUNT_RELATIVE * sent, COUNT_ABSOLUTE)
