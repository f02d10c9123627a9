"""A guest that floods calls, interrupts, timers, sleeps, wild tables, cache operations, code, jumps and devices, on all of its CPUs at once. What it does
at random a seed decides: $STORM_SEED, or a new one each time. It stands in the failure and in the log."""

import os
import random
import re

import pytest

from console import BOOT
from describe import describe, guest, node
from neighbour import assert_rt_goes_on
from stays import assert_as_beside_nobody, lengths, logged

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


def stays_beside(boot, folder, gic, neighbour, last):
    """The kernel's instructions for each interrupt of `rt`, alone on CPU 1, until the neighbour, which runs on CPU 0 as root and the driver do, says its last words."""
    folder.mkdir()
    path = describe(folder, guest("rt", "rt", cpu=1, bootargs="period=100"), neighbour, node("uart", "uart", cpu=0))
    return lengths(logged(boot, folder, 1, gic, path, neighbour.split()[0], last)[1])


@pytest.mark.parametrize("gic", [2, 3])
def test_rt_is_not_touched(boot, tmp_path, gic):
    """Each of rt's timer interrupts takes the kernel the same instructions, to the last one, with a storm on the other CPU as without. Red when what
    the other CPU does makes this one work: an IPI, a longer list to search, a lock to wait for."""
    quiet = stays_beside(boot, tmp_path / "quiet", gic, guest("storm", "storm", cpu=0, bootargs="ms=10 only=sleep"), "storm: over")
    storm = stays_beside(boot, tmp_path / "storm", gic, guest("storm", "storm", cpu=0, bootargs="ms=1"), "storm: over")
    assert_as_beside_nobody(quiet, storm)
