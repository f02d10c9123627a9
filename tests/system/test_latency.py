"""The real-time guest on a CPU of its own beside each hostile guest: each of its interrupts takes that CPU the same instructions as alone, to the last one, and
the CPU takes no others. What is counted are CPU 0's instructions, from the execution log, not a clock: the emulator's turns move that. Five minutes."""

import re

import pytest

from console import console_lines
from describe import component, describe, guest, node
from stays import assert_as_beside_nobody, lengths, logged

LINE = re.compile(r"rt: \d+ lines: (\d+) periods handled, (\d+) lost, ")
STEPS = "period=50 line=150 pause=150"
PERIODS = 150 // 50
LEAST = 10  # interrupts of each usual length: the shortest-lived neighbour leaves time for 18
ALONE = {}  # GIC → lengths of rt's interrupts beside nobody, and beside a guest that never leaves the processor

# Of CPU 0's interrupts these are root's, whose thread it has, too: each VM's start, which it is told of, and the neighbour's end.
WAKES = 3

# Name → its node, and what it says last.
HOSTILE = {
    "sweep": (guest("other", "sweep", cpu=1, bootargs="do=registers,el0,step,calls,aarch32"), "sweep: done"),
    "syndrome": (guest("other", "syndrome", cpu=1), "syndrome: done"),
    "wild": (guest("other", "wild", cpu=1, bootargs="do=calls"), "wild: calls that did something"),
    "wild32": (guest("other", "wild32", cpu=1), "wild32: checks failed"),
    "component": (component("calls", "crash", cpu=1, arguments="passes=1"), "crash: answers"),
    "chatter": (guest("other", "chatter", cpu=1, bootargs="period=0 lines=400"), "chatter: line 400 "),
    **{act: (guest("other", "storm", cpu=[1, 1] if act == "off-and-on" else 1, bootargs=f"ms=4 only={act}"), f"storm: {act} survived")
       for act in ("calls", "psci", "off-and-on", "interrupts", "tables", "caches", "code", "jumps", "devices")},
}


def interrupts_beside(boot, folder, gic, neighbours, name, last):
    """The lengths of rt's interrupts until console `name` says `last`. Root's are told by the switch to its thread; the one after it is not counted either: it
    finds root at work."""
    folder.mkdir()
    path = describe(folder, *neighbours, guest("rt", "rt", cpu=0, bootargs=STEPS), node("uart", "uart", cpu=1))
    system, stays = logged(boot, folder, 0, gic, path, name, last)
    lines = [line for line in console_lines(system.text().replace("\r\n", "\n"), "rt") if " lines: " in line][:-1]
    assert lines and all(LINE.match(line).groups() == (str(PERIODS), "0") for line in lines), lines
    wakes = [at for at, stay in enumerate(stays) if stay.switched]
    assert len(wakes) <= WAKES, [(at, stays[at]) for at in wakes]
    return lengths(stay for at, stay in enumerate(stays) if at not in wakes and at - 1 not in wakes)


def alone(boot, folder, gic):
    if gic not in ALONE:
        spins = guest("other", "wild", cpu=1, bootargs="do=hang")
        ALONE[gic] = sum((interrupts_beside(boot, folder / word, gic, who, "rt", "rt: 30 lines") for word, who in (("nobody", []), ("spins", [spins]))),
                         lengths([]))
    return ALONE[gic]


@pytest.mark.parametrize("gic", [2, 3])
@pytest.mark.parametrize("name", HOSTILE)
def test_worst_latency_is_as_alone(boot, tmp_path, gic, name):
    """Red when anything that the other CPU's guest or component does delays rt by an instruction. Seen red: a monitor that wakes root, which is on CPU 0, at
    each report about its guest; a kernel that sends CPU 0 an interrupt at a guest's call to its monitor."""
    quiet = alone(boot, tmp_path, gic)
    neighbour, last = HOSTILE[name]
    found = interrupts_beside(boot, tmp_path / name, gic, [neighbour], "calls" if name == "component" else "other", last)
    assert_as_beside_nobody(quiet, found, LEAST)
