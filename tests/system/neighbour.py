"""The real-time guest as the neighbour that must not notice what another VM or component does."""

import re

LINE = re.compile(r"rt: (\d+) s: (\d+) periods handled, (\d+) lost")


def assert_rt_goes_on(system, name="rt"):
    """Two more seconds, and none of its periods lost since it started."""
    seen = len([line for line in system.lines(name) if LINE.match(line)])
    system.wait_line(name, rf"rt: {seen + 2} s: ")
    matches = [match for match in map(LINE.match, system.lines(name)) if match]
    lines = [tuple(map(int, match.groups())) for match in matches]
    assert lines == [(second, 1000, 0) for second in range(1, len(lines) + 1)], lines
