"""Several VMs on one CPU: what one of them does to the timer, the interrupt controller and the registers is its own."""

import re

import pytest

from console import BOOT
from describe import describe, guest, linux

LINE = re.compile(r"ticker: (\d+) due, (\d+) handled, (\d+) lost, (\d+) preemptions in handlers, (\d+) of (\d+) interrupts to itself, "
                  r"(\d+) unexpected")


def ticker_lines(system, name):
    return [tuple(map(int, match.groups())) for match in LINE.finditer("".join(system.lines(name)))]


def assert_no_tick_lost(system, name, per_second, at_least, spurious=0):
    lines = ticker_lines(system, name)
    assert len(lines) >= at_least, system.lines(name)
    for second, (due, handled, lost, _, received, sent, unexpected) in enumerate(lines, 1):
        assert (due, handled, lost) == (second * per_second, second * per_second, 0), lines
        assert unexpected <= spurious and sent - received <= 1, lines  # the last one may still be pending
    assert lines[-1][4] > len(lines), f"an interrupt to itself was lost: {lines}"


@pytest.mark.parametrize("gic", [2, 3])
def test_two_tickers(boot, tmp_path, gic):
    """Red when a vCPU that is preempted between acknowledge and end of interrupt leaves the timer's interrupt active for the next one,
    loses it or its own pending interrupts, or gets its neighbour's registers."""
    path = describe(tmp_path, guest("one", "ticker", bootargs="period=8000 work=5000 every=4 seconds=2 spin=1"),
                    guest("other", "ticker", bootargs="period=10000 work=7000 every=3 seconds=2"))
    system = boot("--host-cpus", 1, "--gic", gic, "--icount", 0, path)
    system.wait_line("root", "no VM runs any more", BOOT)
    system.wait_for_exit()  # root's words may overtake the VMs' last ones
    for name, per_second in (("one", 125), ("other", 100)):
        assert_no_tick_lost(system, name, per_second, 2)
        assert ticker_lines(system, name)[-1][3] > 0, "nobody was preempted in a handler: the test tests nothing"


def timer_interrupts(system):
    line = [line for line in system.shell_ok("cat /proc/interrupts", "linux") if "arch_timer" in line][0]
    return int(line.split()[1])


@pytest.mark.parametrize("gic", [2, 3])
def test_ticker_beside_linux(boot, tmp_path, gic):
    """Red when a busy Linux and a ticking guest of the same priority on the same CPU cost each other ticks, registers or time."""
    path = describe(tmp_path, linux(focus=True), guest("ticker", "ticker", bootargs="period=10000 work=5000 every=10"))
    system = boot("--host-cpus", 1, "--gic", gic, path)
    system.wait_for_shell()
    before = timer_interrupts(system)
    system.shell_ok("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done", "linux")
    assert timer_interrupts(system) > before + 100
    seen = len(ticker_lines(system, "ticker"))
    system.wait_line("ticker", rf"ticker: {(seen + 2) * 100} due")
    # One interrupt of the timer before its deadline was seen in some thousand, on a busy host, when the ticker judged by its entry's time and not by that of the
    # acknowledgement. None in 16,000 periods since it was looked for; one is tolerated, none where time counts instructions (test_two_tickers).
    assert_no_tick_lost(system, "ticker", 100, 2, spurious=1)
