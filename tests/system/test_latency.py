"""The worst latency of the real-time guest on a CPU of its own, in instructions, beside each hostile guest: the same as alone, to the last one. It measures
itself, on CPU 0, as the emulator's clock is exact there; the others are on CPU 1. One minute."""

import re

import pytest

from console import BOOT, console_lines
from describe import component, describe, guest, node

LINE = re.compile(r"rt: \d+ lines: (\d+) periods handled, (\d+) lost, \d+ late, wake-up latency min \d+ mean \d+ worst (\d+) ns")
STEPS = "period=50 line=150 pause=150"
PERIODS = 150 // 50
ALONE = {}  # GIC → the worst latencies beside nobody, and beside a guest that never leaves the processor

# Name → its node, and what it says last. Those that program timers are not here: the emulator lets their CPU go on when the timer of either is due
# (test_storm.py::test_rt_is_not_touched counts the kernel's instructions beside these, too).
FEW = {"component": 4, "off-and-on": 1}  # lines that may be otherwise: some of its random calls wait until a deadline; root, on rt's CPU, starts two vCPUs
HOSTILE = {
    "sweep": (guest("other", "sweep", cpu=1, bootargs="do=registers,el0,step,calls,aarch32"), "sweep: done"),
    "syndrome": (guest("other", "syndrome", cpu=1), "syndrome: done"),
    "wild": (guest("other", "wild", cpu=1, bootargs="do=calls"), "wild: calls that did something"),
    "wild32": (guest("other", "wild32", cpu=1), "wild32: checks failed"),
    "component": (component("calls", "crash", cpu=1), "crash: answers"),
    "chatter": (guest("other", "chatter", cpu=1, bootargs="period=0 lines=400"), "chatter: line 400 "),
    **{act: (guest("other", "storm", cpu=[1, 1] if act == "off-and-on" else 1, bootargs=f"ms=4 only={act}"), f"storm: {act} survived")
       for act in ("calls", "psci", "off-and-on", "interrupts", "tables", "caches", "code", "jumps", "devices")},
}


def worst_latencies(boot, folder, gic, neighbours, name, last):
    """The worst of each of rt's lines but the first three, at which root may still start somebody on that CPU, and the last one before console `name` says `last`."""
    path = describe(folder, *neighbours, guest("rt", "rt", cpu=0, bootargs=STEPS), node("uart", "uart", cpu=1))
    system = boot("--host-cpus", 2, "--gic", gic, "--icount", 0, path)
    system.wait_line(name, last, BOOT)
    system.end()
    text = system.text().replace("\r\n", "\n")
    end = re.search(rf"(?:^|\x1b\[K){name} *\| {last}", text, re.MULTILINE).start()  # the console takes an unfinished line of another's away
    lines = [line for line in console_lines(text[:end], "rt") if " lines: " in line][3:-1]
    found = [LINE.match(line).groups() for line in lines]
    assert found and all(line[:2] == (str(PERIODS), "0") for line in found), lines
    return [int(worst) for _, _, worst in found]


def alone(boot, folder, gic):
    """Two figures, because the emulator gives the turn to a CPU that is busy whenever a timer is programmed: what follows in the handler then comes after
    the next expiry."""
    if gic not in ALONE:
        spins = guest("other", "wild", cpu=1, bootargs="do=hang")
        ALONE[gic] = [set(worst_latencies(boot, folder, gic, who, "rt", "rt: 12 lines")) for who in ([], [spins])]
    return ALONE[gic]


@pytest.mark.parametrize("gic", [2, 3])
@pytest.mark.parametrize("name", HOSTILE)
def test_worst_latency_is_as_alone(boot, tmp_path, gic, name):
    """Red when anything that the other CPU's guest or component does delays rt by an instruction. Seen red: a monitor that wakes root, which is on CPU 0, at
    each report about its guest."""
    idle, busy = alone(boot, tmp_path, gic)
    assert len(idle) == 1 and len(busy) == 1, (idle, busy)
    neighbour, last = HOSTILE[name]
    found = worst_latencies(boot, tmp_path, gic, [neighbour], "calls" if name == "component" else "other", last)
    otherwise = [worst for worst in found if worst not in idle | busy]
    assert len(otherwise) <= FEW.get(name, 0), (found, idle, busy)
