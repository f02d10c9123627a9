"""Debugging inside a guest, and what is hidden from it: stock Debian."""

import re

import pytest

from console import ROOT
from describe import describe, guest, linux
from neighbour import assert_rt_goes_on
from overlay import initrd_with

# What tests/linux/debug.c prints on a processor with 6 breakpoints and 4 watchpoints. -2: no such event source (ENOENT).
EXPECTED = {
    "stopped by": 5,
    "breakpoints": 6,
    "breakpoints hit": 6,
    "watchpoints": 4,
    "watchpoints hit": 4,
    "steps": 1000,
    "steps through the loop": 1,
    "perf, execution of a function": 1000,
    "perf, stores to a variable": 1000,
    "perf, cycles of the processor": -2,
}


def results(lines):
    return {match.group(1): int(match.group(2)) for match in (re.match(r"debug: (.*) (-?\d+)$", line) for line in lines) if match}


@pytest.mark.parametrize("gic, cpu", [(3, "cortex-a57"), (2, "cortex-a53"), (3, "max")])
def test_debian(boot, tmp_path, gic, cpu):
    """Red when a debugger or perf in stock Linux misses a breakpoint, watchpoint or single step, also while two vCPUs on one CPU and an
    exit between sides share its debug registers; when Linux finds a PMU; when the real-time guest beside it loses a period."""
    initrd = initrd_with(tmp_path, {"debug": ROOT / "build/tests/linux/debug"})
    path = describe(tmp_path, linux(cpus=[1, 1], initrd=initrd, focus=True), guest("rt", "rt", cpu=2))
    system = boot("--gic", gic, "--cpu", cpu, "--host-cpus", 3, path)
    system.wait_for_shell()
    both = system.shell_ok("taskset 1 /debug >/tmp/first & taskset 2 /debug >/tmp/second; wait; cat /tmp/first; echo and; cat /tmp/second", "linux",
                           timeout=180)
    split = both.index("and")
    for lines in (both[:split], both[split:]):
        assert results(lines) == EXPECTED, both
    assert not [name for name in system.shell_ok("ls /sys/bus/event_source/devices", "linux") if "pmu" in name]
    assert_rt_goes_on(system)
