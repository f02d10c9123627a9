"""Nothing says nothing: what a guest does without having been offered it is reported, and its neighbours do not notice."""

import re

import pytest

from console import BOOT
from describe import describe, guest
from neighbour import assert_rt_goes_on

DATA_ABORT, FETCH_ABORT, UNDEFINED = 0x25, 0x21, 0

DEVICES = r"add the firmware's device-tree node with these registers to `devices` of \"wild\""
MEMORY = r"this VM's RAM ends at 0x41000000; raise `memory` of \"wild\""
PAIR = r"load of 2 x 8 bytes \(instruction 0xa94\w+\)"
WRITE_BACK = r"store of 1 x 4 bytes \(instruction 0xb80\w+\)"
EXCLUSIVE = r"exclusive access \(instruction 0x885\w+\)"
NOTHING_THERE = "where it has nothing"

# Act: (what, address, where), class and remedy of the report, class of the guest's exception.
ACCESSES = {
    "read": (r"load of 4 bytes into w\d+", 0xA100000, NOTHING_THERE, "data abort", DEVICES, DATA_ABORT),
    "write": (r"store of 0x12345678 \(4 bytes\)", 0x9030000, NOTHING_THERE, "data abort", DEVICES, DATA_ABORT),
    "pair": (PAIR, 0x9020000, NOTHING_THERE, "data abort", DEVICES, DATA_ABORT),
    "back": (WRITE_BACK, 0xC000000, NOTHING_THERE, "data abort", DEVICES, DATA_ABORT),
    "clock-exclusive": (EXCLUSIVE, 0x9010000, "not possible in PL031", "data abort", "nothing does; emulated devices take", DATA_ABORT),
    "beyond": (r"load of 4 bytes into w\d+", 0x41000000, NOTHING_THERE, "data abort", MEMORY, DATA_ABORT),
    "fetch": ("instruction fetch", 0x41100000, NOTHING_THERE, "instruction abort", MEMORY, FETCH_ABORT),
}
# Act: what the report says; None where the processor tells the guest itself (QEMU does not trap registers that it does not know).
INSTRUCTIONS = {
    "pmu": r"read of system register S3_3_C9_C12_0, x\d+",
    "timer": r"write of system register S3_3_C14_C2_1, x\d+",
    "register": None,
    "undefined": None,
}


def start(boot, folder, gic, *guests):
    """These guests on CPU 1 and `rt` on CPU 2."""
    path = describe(folder, *guests, guest("rt", "rt", cpu=2))
    return boot("--gic", gic, "--host-cpus", 3, path)


def reports(system, name="wild"):
    """The monitor's lines, split where a report begins."""
    lines = [line for line in system.lines(name) if line.startswith("[bulkhead]")]
    found = []
    for line in lines:
        if line.startswith("[bulkhead]   "):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def exceptions(system, name="wild"):
    """(class, pc, address) of those that the guest took."""
    pattern = re.compile(r"wild: exception of class (0x\w+) at pc (0x\w+), address (0x\w+)")
    return [tuple(int(n, 16) for n in match.groups()) for match in map(pattern.match, system.lines(name)) if match]


def assert_access_reported(report, exception, what, address, where, syndrome, remedy, taken):
    head = re.match(rf"\[bulkhead\] VM wild, vCPU 0, pc (0x\w+): {what} at {address:#x}, {where}", report[0])
    assert head, report
    text = "\n".join(report)
    assert re.search(rf"esr_el2 0x\w+ \({syndrome} from a lower exception level\), virtual address {address:#x}", text), text
    assert re.search(rf"to allow it: {remedy}", text), text
    assert exception == (taken, int(head.group(1), 16), address), (exception, report)


@pytest.mark.parametrize("gic", [2, 3])
def test_access(boot, tmp_path, gic):
    """Red when an access to what the VM was not given is not reported with VM, vCPU, pc, address, syndrome and the property that would
    allow it, when the guest does not get an abort for it at that very pc and address, or when its neighbour loses a period."""
    system = start(boot, tmp_path, gic, guest("wild", "wild", cpu=1, bootargs="do=" + ",".join(ACCESSES)))
    system.wait_line("wild", "wild: done", BOOT)
    system.wait_line("root", "wild: off")
    found, taken = reports(system), exceptions(system)
    assert len(found) == len(taken) == len(ACCESSES), (found, taken)
    for report, exception, expected in zip(found, taken, ACCESSES.values()):
        assert_access_reported(report, exception, *expected)
    assert_rt_goes_on(system)


@pytest.mark.parametrize("gic", [2, 3])
def test_instruction(boot, tmp_path, gic):
    """Red when a register that VMs are not offered reads as something or is not reported, when the guest does not get an undefined
    instruction for it, or when an unknown call is answered with anything but NOT_SUPPORTED (DEN 0028 §5.2) or not at all."""
    acts = [*INSTRUCTIONS, "hvc", "smc"]
    system = start(boot, tmp_path, gic, guest("wild", "wild", cpu=1, bootargs="do=" + ",".join(acts)))
    system.wait_line("wild", "wild: done", BOOT)
    taken = exceptions(system)
    assert [exception[0] for exception in taken] == [UNDEFINED] * len(INSTRUCTIONS), taken
    found = reports(system)
    expected = [(what, exception) for what, exception in zip(INSTRUCTIONS.values(), taken) if what]
    assert len(found) == len(expected), found
    for report, (what, exception) in zip(found, expected):
        assert re.match(rf"\[bulkhead\] VM wild, vCPU 0, pc {exception[1]:#x}: {what}, which VMs are not offered", report[0]), report
        text = "\n".join(report)
        assert re.search(r"esr_el2 0x\w+ \(system register\)", text), text
        assert re.search(r"to allow it: no property does; the guest gets an undefined instruction", text), text
    lines = system.lines("wild")
    assert "wild: hvc is not supported" in lines and "wild: smc is not supported" in lines, lines
    assert_rt_goes_on(system)


@pytest.mark.parametrize("gic", [2, 3])
def test_jump_into_nothing(boot, tmp_path, gic):
    """Red when a guest that jumps to nothing before it has vectors hangs, aborts for ever or takes others with it, instead of being
    reported and stopped."""
    system = start(boot, tmp_path, gic, guest("wild", "wild", cpu=1, bootargs="do=jump"))
    system.wait_line("root", r"wild: failed: VM wild failed: .*vectors \(VBAR_EL1\) are not in memory \(vCPU 0, pc 0x\w+\)", BOOT)
    system.wait_line("root", r'wild: stays stopped; on-crash = "restart" in its description would restart it')
    assert_rt_goes_on(system)
    found = reports(system)
    text = "\n".join(found[0])
    assert found[0][0].startswith(
        f"[bulkhead] VM wild, vCPU 0, pc 0x10000000: instruction fetch at 0x10000000, {NOTHING_THERE}"), text
    assert re.search(r"esr_el2 0x\w+ \(instruction abort from a lower exception level\), virtual address 0x10000000", text), text
    assert re.search(r"vbar_el1 0x0, sctlr_el1 0x30d00800", text), text
    assert re.search(r"to allow it: nothing does; code runs from this VM's RAM, 0x40000000 to ", text), text
    text = "\n".join(found[1])
    assert "VM wild failed" in text and "elr_el1 0x10000000" in text, text
    assert len(found) == 2, found


def test_silence(boot, tmp_path):
    """Red when a guest that hangs in early boot, in its own exception vector, or sleeps for ever leaves its user without a word: the
    watchdog says where it is and what exception it took last."""
    system = start(boot, tmp_path, 3, guest("hanging", "wild", cpu=1, bootargs="do=hang"),
                   guest("sleeping", "wild", cpu=0, bootargs="do=sleep"))
    for name in ("hanging", "sleeping"):
        system.wait_line(name, r"\[bulkhead\]   if it should have: ", BOOT)
    assert_rt_goes_on(system)
    for name in ("hanging", "sleeping"):
        found = reports(system, name)
        assert len(found) == 1, found
        text = "\n".join(found[0])
        assert f"VM {name} has written nothing to its console so far; vCPU 0 is at pc 0x" in text, text
        assert "console=ttyAMA0" in text, text
    pc = int(re.search(r"vCPU 0 is at pc (0x\w+)", "\n".join(reports(system, "hanging")[0])).group(1), 16)
    vectors = int(re.search(r"vbar_el1 (0x\w+)", "\n".join(reports(system, "hanging")[0])).group(1), 16)
    assert pc == vectors, reports(system, "hanging")
    assert "(undefined instruction)" in "\n".join(reports(system, "hanging")[0])
