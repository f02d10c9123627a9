"""Components and VMs that crash: root says what happened and why, does what the description says, and nobody else notices."""

import re

import pytest

from console import BOOT
from describe import component, describe, guest
from neighbour import assert_rt_goes_on

MEMORY = "accessed memory that it does not have"
INSTRUCTION = "executed an undefined or forbidden instruction"
NO_MEMORY = "no property of the description gives a component more memory: a defect in it"
DEFECT = "a defect in the component; its pc is in the .elf"
CODE = range(0x100000, 0x110000)

# Name of the act: what root says, where the access went to (None: no access; a range), what about it, exception class, remedy.
CRASHES = {
    "null": (MEMORY, 8, "write at {:#x}: nothing is mapped there", 0x24, NO_MEMORY),
    "code": (MEMORY, 0x100000, "write at {:#x}: mapped without that permission", 0x24, NO_MEMORY),
    "jump": (MEMORY, 0x10000000, "instruction fetch at {:#x}: nothing is mapped there", 0x20, NO_MEMORY),
    "undefined": (INSTRUCTION, None, None, 0, DEFECT),
    "privileged": (INSTRUCTION, None, None, 0, DEFECT),
    "vector": (INSTRUCTION, None, None, 7, "build it with -mgeneral-regs-only"),
}


def blocks(system):
    """Root's report of each instance: its line and the indented ones that follow."""
    found, last = {}, None
    for line in system.lines("root"):
        head = re.match(r"([a-z-]+): the first thread of ", line)
        if head:
            last = head.group(1)
            found[last] = [line]
        elif last and line.startswith("  "):
            found[last].append(line)
        else:
            last = None
    return found


def assert_reported(report, name, what, address, access, syndrome, remedy):
    assert report[0] == f"{name}: the first thread of crash {what}", report
    registers = re.search(r"  pc (0x\w+) lr (0x\w+) sp (0x\w+) syndrome 0x\w+ \(class (0x\w+)\)", "\n".join(report))
    assert registers, report
    pc, link, _, found = (int(n, 16) for n in registers.groups())
    assert found == syndrome and link in CODE, report
    assert pc in CODE or pc == address, report
    if access:
        assert f"  {access.format(address)}" in report, report
    assert any(line.startswith(f"  {remedy}") for line in report), report


@pytest.mark.parametrize("gic", [2, 3])
def test_component_crashes(boot, tmp_path, gic):
    """Red when a component's fault is not reported with its name, class, address, pc and remedy, stops root, the kernel or another
    component, or costs the VM on the same CPU a period."""
    names = [*CRASHES, "overflow", "end"]
    path = describe(tmp_path, *[component(name, "crash", cpu=1) for name in names], guest("rt", "rt", cpu=1))
    system = boot("--host-cpus", 2, "--gic", gic, path)
    for name in names:
        system.wait_line("root", f"{name}: stays stopped; VMs that ring it get no answer", BOOT)
    found = blocks(system)
    for name, expected in CRASHES.items():
        assert_reported(found[name], name, *expected)
    assert found["end"] == ["end: the first thread of crash ended itself", "  code 42; its console says why"]
    # A stack that is too small ends in memory that may not be written, below it.
    overflow = "\n".join(found["overflow"])
    address, stack = (int(re.search(rf"{key} (0x\w+)", overflow).group(1), 16) for key in ("write at", "sp"))
    assert MEMORY in overflow and abs(address - stack) < 4096, overflow
    assert_rt_goes_on(system)


@pytest.mark.parametrize("gic", [2, 3])
def test_random_calls(boot, tmp_path, gic):
    """Red when a call with arguments at random, from a component or a guest, panics the kernel, hangs, answers what call.h does not
    say, or when a partition does not get its kernel memory back for what it deleted."""
    path = describe(tmp_path, component("calls", "crash", cpu=1), guest("wild", "wild", cpu=0, bootargs="do=calls"), guest("rt", "rt", cpu=2))
    system = boot("--host-cpus", 3, "--gic", gic, path)
    memory = system.wait_line("calls", r"crash: kernel memory free after the first pass (\d+), after the last (\d+)", BOOT)
    assert memory.group(1) == memory.group(2), memory.group()
    answers = list(map(int, system.wait_line("calls", r"crash: answers:((?: \d+){15})$").group(1).split()))
    assert all(answers[i] for i in range(4)), answers
    assert int(system.wait_line("calls", r"crash: (\d+) different calls succeeded").group(1)) >= 20
    system.wait_line("root", "  code 0; its console says why")
    system.wait_line("wild", "wild: calls that did something, per argument: 1$")
    system.wait_line("wild", "wild: done")
    assert_rt_goes_on(system)


def test_crashing_vm_restarts(boot, tmp_path):
    """Red when on-crash = "restart" does not build a crashed VM anew, each time, or not later each time, or when on-crash = "stop"
    does; and when either of them reaches a neighbour."""
    path = describe(tmp_path, guest("again", "wild", cpu=0, bootargs="do=jump", on_crash="restart"),
                    guest("once", "wild", cpu=0, bootargs="do=jump", on_crash="stop"), guest("rt", "rt", cpu=1))
    system = boot("--host-cpus", 2, "--gic", 3, path)
    for delay in (100, 200, 400, 800):
        system.wait_line("root", f"again: restarts in {delay} ms", BOOT)
    assert_rt_goes_on(system)
    text = system.lines("root")
    assert text.count("again: started again") >= 3, text
    stays = 'once: stays stopped; on-crash = "restart" in its description would restart it: '
    assert len([line for line in text if line.startswith(stays)]) == 1, text
    assert "once: started again" not in text
    failures = [line for line in system.lines("again") if "VM again failed: it took an exception" in line]
    assert len(failures) >= 4, system.lines("again")
