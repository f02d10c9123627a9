"""The real-time guest as the neighbour that must not notice what another VM or component does."""

import re
import time

from console import BOOT

LINE = re.compile(r"rt: (\d+) s: (\d+) periods handled, (\d+) lost, (\d+) late, wake-up latency min \d+ mean \d+ worst \d+ ns")


def rt_lines(system, name="rt"):
    """(second, handled, lost) of each. A line that takes its VM long, on a busy host, the terminal shows in pieces."""
    return [tuple(int(match.group(i)) for i in (1, 2, 3)) for match in LINE.finditer("".join(system.lines(name)))]


def wait_rt_line(system, number, name="rt", timeout=BOOT):
    """Until so many of its lines are there."""
    until = time.monotonic() + timeout
    while len(rt_lines(system, name)) < number:
        system.expect(r"\n", until - time.monotonic())


def assert_nothing_lost(system, name, handled, at_least):
    lines = rt_lines(system, name)
    assert len(lines) >= at_least, lines
    assert lines == [(second, handled, 0) for second in range(1, len(lines) + 1)], lines


def assert_rt_goes_on(system, name="rt"):
    """Two more seconds, and none of its periods lost since it started."""
    seen = len(rt_lines(system, name))
    wait_rt_line(system, seen + 2, name)
    assert_nothing_lost(system, name, 1000, seen + 2)
