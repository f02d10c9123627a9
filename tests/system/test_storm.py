"""A guest that floods calls, interrupts, timers, sleeps, wild tables, cache operations, code, jumps and devices, on all of its CPUs at once. What it does
at random a seed decides: $STORM_SEED, or a new one each time. It stands in the failure and in the log."""

import collections
import os
import random
import re
import subprocess

import pytest

from console import BOOT, ROOT
from describe import component, describe, guest, node
from neighbour import assert_rt_goes_on
import execlog

SEED = int(os.environ.get("STORM_SEED") or random.SystemRandom().randrange(1, 1 << 31))
NONE, SOME, ANY = "0", "[1-9][0-9]*", "[0-9]+"
# Act: synchronous exceptions and interrupts that the guest must have taken. Of its calls none may be answered otherwise than guests/storm/calls.c says.
ACTS = {
    "calls": (NONE, NONE),
    "psci": (NONE, NONE),
    "off-and-on": (NONE, NONE),
    "interrupts": (NONE, SOME),
    "timer": (NONE, SOME),
    "sleep": (NONE, ANY),
    "tables": (SOME, NONE),
    "caches": (NONE, NONE),
    "code": (NONE, NONE),
    "jumps": (SOME, NONE),
    "devices": (SOME, ANY),
}
LOGGED = 900  # seconds: each instruction of two CPUs goes through a pipe
COMMON_STAY = 20  # an interrupt's stay in the kernel that was seen so often is the rule
SHORTER = 4  # instructions less are no harm: a loop over list registers that ends earlier
BOTH = 3  # stays that took two interrupts, both pending, because the emulator let this CPU run late


def assert_storm_survived(system):
    system.wait_line("storm", f"storm: seed {SEED}", BOOT)
    for act in ACTS:
        system.wait_line("storm", rf"storm: {act} survived, ")
    system.wait_line("storm", "storm: over")
    system.wait_line("root", "storm: off")
    said = "".join(system.lines("storm"))  # a line that takes its VM long the terminal shows in pieces
    for act, (faults, interrupts) in ACTS.items():
        assert re.search(rf"storm: {act} survived, faults {faults}, interrupts {interrupts}, wrong answers 0(?![0-9])", said), f"seed {SEED}: {act}: {said}"
    assert "storm: stale code" not in "".join(system.lines("storm")), f"seed {SEED}"


@pytest.mark.parametrize("gic", [2, 3])
def test_storm(boot, tmp_path, gic):
    """Red when anything that three CPUs can flood stops the kernel, the monitor or the guest itself, or costs `rt` a period."""
    path = describe(tmp_path, guest("rt", "rt", cpu=0), guest("storm", "storm", cpu=[1, 2, 3], bootargs=f"ms=100 all=1 seed={SEED}"), node("uart", "uart", cpu=1))
    system = boot("--gic", gic, path)
    assert_storm_survived(system)
    assert_rt_goes_on(system)


@pytest.mark.parametrize("gic", [2, 3])
def test_storm_beside_on_one_cpu(boot, tmp_path, gic):
    """The same on rt's own CPU, below it in priority. Red when a flood holds up a higher priority for longer than its backlog."""
    path = describe(tmp_path, guest("rt", "rt", cpu=0, priority=30), guest("storm", "storm", cpu=0, bootargs=f"ms=50 seed={SEED}"), node("uart", "uart", cpu=1))
    system = boot("--gic", gic, path)
    assert_storm_survived(system)
    assert_rt_goes_on(system)


def interrupt_stays(trace):
    """How many instructions each interrupt of CPU 1 spent in the kernel, from an execution log of that CPU."""
    vectors = execlog.binary_of("kernel", "kernel/kernel.elf", execlog.KERNEL_BASE).address("vectors")
    begins, ends = vectors + execlog.VECTOR_IRQ, vectors + execlog.VECTOR_SYNC
    stays, length = [], None
    for step in execlog.steps(trace):
        if step.pc in (begins, ends):
            if length:
                stays.append(length)
            length = 0 if step.pc == begins else None
        if length is not None:
            length += 1
    return stays


def stays_beside(boot, folder, gic, neighbour, last):
    """The kernel's instructions for each interrupt of `rt`, alone on CPU 1, until the neighbour, which runs on CPU 0 as root and the driver do, says its last words."""
    folder.mkdir()
    path = describe(folder, guest("rt", "rt", cpu=1, bootargs="period=100"), neighbour, node("uart", "uart", cpu=0))
    fifo, kept = folder / "fifo", folder / "cpu1"
    os.mkfifo(fifo)
    with open(kept, "w", encoding="ascii") as out, subprocess.Popen(["grep", "-E", "^Trace 1|^Stopped|^cpu_io", fifo], stdout=out) as grep:
        system = boot("--host-cpus", 2, "--gic", gic, "--icount", 0, path, "--", "-singlestep", "-d", "exec,nochain", "-dfilter", f"{execlog.KERNEL_BASE:#x}+0x20000", "-D", fifo)
        try:
            system.wait_line(neighbour.split()[0], last, LOGGED)
        except BaseException:
            grep.kill()  # its input does not end before the system does, and that comes after this
            raise
        system.end()
    with open(kept, "rb") as trace:
        return collections.Counter(interrupt_stays(trace))


def assert_as_beside_nobody(quiet, storm):
    usual = [length for length, count in quiet.items() if count >= COMMON_STAY]  # one, or two where an end of interrupt is an exit
    assert 1 <= len(usual) <= 2, quiet
    assert all(storm[length] >= COMMON_STAY for length in usual), storm
    others = {length: count for length, count in storm.items() if length not in quiet and not any(u - SHORTER <= length <= u for u in usual)}
    both = {length for length in others if max(usual) < length <= 2 * max(usual)}
    assert set(others) == both and sum(others.values()) <= BOTH, (quiet, storm)


@pytest.mark.parametrize("gic", [2, 3])
def test_rt_is_not_touched(boot, tmp_path, gic):
    """Each of rt's timer interrupts takes the kernel the same instructions, to the last one, with a storm on the other CPU as without. Red when what
    the other CPU does makes this one work: an IPI, a longer list to search, a lock to wait for."""
    quiet = stays_beside(boot, tmp_path / "quiet", gic, guest("storm", "storm", cpu=0, bootargs="ms=10 only=sleep"), "storm: over")
    storm = stays_beside(boot, tmp_path / "storm", gic, guest("storm", "storm", cpu=0, bootargs="ms=1"), "storm: over")
    assert_as_beside_nobody(quiet, storm)


@pytest.mark.parametrize("gic", [2, 3])
def test_rt_is_not_touched_by_calls(boot, tmp_path, gic):
    """The same beside a component that makes all calls with random arguments. test_latency.py allows some of its lines to differ, for the emulator's turns do."""
    quiet = stays_beside(boot, tmp_path / "quiet", gic, guest("storm", "storm", cpu=0, bootargs="ms=10 only=sleep"), "storm: over")
    calls = stays_beside(boot, tmp_path / "calls", gic, component("calls", "crash", cpu=0), "crash: answers")
    assert_as_beside_nobody(quiet, calls)
