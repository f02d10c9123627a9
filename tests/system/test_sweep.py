"""A guest that executes every encoding of system registers and instructions, and what applications may try, against docs/guest-registers.md."""

import itertools
import re

import pytest

from console import BOOT, ROOT
from describe import component, describe, guest
from load_script import load_script
from neighbour import assert_rt_goes_on

ENCODINGS = 3 << 14
NOT_SUPPORTED = "0xffffffff"
# SMCCC function: what ARCH_FEATURES says of it, what it answers itself.
CALLS = {
    "0x80000000": ("0x0", "0x10002"),  # SMCCC_VERSION: 1.2
    "0x80000002": (NOT_SUPPORTED, NOT_SUPPORTED),  # ARCH_SOC_ID
    "0x80008000": (NOT_SUPPORTED, NOT_SUPPORTED),  # ARCH_WORKAROUND_1
    "0x80007fff": (NOT_SUPPORTED, NOT_SUPPORTED),  # ARCH_WORKAROUND_2
    "0x80003fff": (NOT_SUPPORTED, NOT_SUPPORTED),  # ARCH_WORKAROUND_3
    "0x84000050": (NOT_SUPPORTED, "0x10000"),  # TRNG_VERSION: 1.0; not ARCH_FEATURES' to describe
}
OWN = "class 0x18"  # trapped by the guest's own EL1
OUTCOME = r"(-|ok|class 0x\w+|0x\w+)"
LINE = re.compile(rf"sweep: (S\d_\d_C\d+_C\d+_\d) {OUTCOME} {OUTCOME} {OUTCOME}$")


DOC = load_script("register-doc")
PAGE = (ROOT / "docs/guest-registers.md").read_text(encoding="utf-8")
LIMITS = {f"S3_0_C0_C{crm}_{op2}": limit for crm, op2, _, limit, _ in DOC.identification()}
ABSORBED = {encoding: value for encoding, _, value, _ in DOC.absorbed()}


def rows(heading):
    """The cells of a chapter's table."""
    chapter = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in chapter.split("\n") if re.match(r"\| S\d_", line)]


def native():
    """Encoding → (EL1, EL0, must it be there)."""
    table = {}
    for encoding, name, el1, el0, _ in rows("Native and emulated"):
        numbers = range(16) if "Cn" in encoding else [None]
        for n in numbers:
            table[encoding.replace("Cn", f"C{n}")] = (el1, el0, not name.endswith("?"))
    return table


def expanded(pattern):
    """The encodings that a pattern like S1_0_C{2,5}_C0_{1,3} stands for."""
    parts = [part.strip("{}").split(",") for part in re.split(r"({[^}]*})", pattern)]
    return ["".join(choice) for choice in itertools.product(*parts)]


def instructions():
    """Encoding → (may EL0 be let, must it be there)."""
    return {encoding: (el0 == "own", not name.endswith("?"))
            for pattern, name, el0, _ in rows("Instructions") for encoding in expanded(pattern)}


NATIVE = native()
INSTRUCTIONS = instructions()
DC_ZVA = "S1_3_C7_C4_1"
OTHERS_TRAP = {encoding: f"class {number}" for encoding, _, number in rows("Left to the guest's own traps")}
EMULATOR = {encoding for encoding, _ in rows("Where the emulator is more generous than a processor")}
OPTIONAL_DEBUG = "sweep: A32 DBGDIDR: class 0x0 at 0x0"


def is_value(outcome):
    return outcome.startswith("0x")


def fields_within(value, limit):
    return all(value >> shift & 15 <= limit >> shift & 15 for shift in range(0, 64, 4))


def is_id_space(encoding):
    return re.match(r"S3_0_C0_C[1-7]_", encoding)


def as_decided(encoding, read, write, user):
    """True if the three outcomes are what the page says of this encoding."""
    if is_id_space(encoding):
        return is_value(read) and fields_within(int(read, 16), LIMITS.get(encoding, 0)) and write == "-" and user in ("-", OWN)
    if encoding in INSTRUCTIONS:
        users = {DC_ZVA: "class 0x24"}.get(encoding, "ok") if INSTRUCTIONS[encoding][0] else "-"
        return (read, write, user) == ("-", "ok", users)
    if encoding.startswith("S1_"):
        return encoding in ABSORBED and (read, write, user) == ("-", "ok", "-")
    if encoding in ABSORBED:
        return (read == "-" or int(read, 16) == ABSORBED[encoding]) and write in ("ok", "-") and user in ("-", OWN, read)
    if encoding in NATIVE:
        el1, el0, needed = NATIVE[encoding]
        if not needed and {read, write, user} <= {"-", OWN}:
            return True
        users = {"–": ["-", OWN], "own": ["-", OWN, read], "r": None}[el0]
        return (is_value(read) == ("r" in el1) and (write == "ok") == ("w" in el1) and (is_value(user) if users is None else user in users))
    if encoding in OTHERS_TRAP:
        return {read, write, user} <= {OTHERS_TRAP[encoding], "-", OWN}
    if encoding in EMULATOR:
        return is_value(read) and user == "-"
    return {read, write, user} <= {"-", OWN}


def assert_as_decided(lines):
    found = {match.group(1): match.groups()[1:] for match in map(LINE.match, lines) if match}
    wrong = {encoding: outcome for encoding, outcome in found.items() if not as_decided(encoding, *outcome)}
    assert not wrong, wrong
    missing = [encoding for encoding, (_, _, needed) in NATIVE.items() if needed and encoding not in found]
    missing += [encoding for encoding in LIMITS if encoding not in found]
    missing += [encoding for encoding, (_, needed) in INSTRUCTIONS.items() if needed and encoding not in found]
    missing += [encoding for encoding in ABSORBED if encoding.startswith("S1_") and encoding not in found]
    assert not missing, missing
    undefined = [match for match in (re.match(r"sweep: (\d+) encodings undefined$", line) for line in lines) if match]
    assert int(undefined[0].group(1)) + len(found) == ENCODINGS
    assert found["S3_0_C0_C0_5"][0] == "0x80000000", found["S3_0_C0_C0_5"]


@pytest.mark.parametrize("gic, cpu", [(3, "cortex-a57"), (2, "cortex-a57"), (2, "cortex-a53"), (3, "neoverse-n1"), (3, "max")])
def test_registers(boot, tmp_path, gic, cpu):
    """Red when any encoding reads, writes, executes or fails otherwise than docs/guest-registers.md says, when an ID field shows more than decided,
    when an application's instructions (AArch64, AArch32) end otherwise than without a hypervisor, when a step over what the hypervisor carries out
    ends elsewhere than behind it (T32: two bytes, and one place of an IT block), when SMCCC offers a workaround that nobody carries out, or when the neighbours, one on the same CPU, lose a period."""
    path = describe(tmp_path, guest("sweep", "sweep", cpu=1, bootargs="do=registers,el0,step,calls,aarch32", doorbells="probe"),
                    component("probe", "probe"), guest("rt", "rt", cpu=2),
                    guest("beside", "rt", cpu=1, priority=20))
    system = boot("--gic", gic, "--cpu", cpu, "--host-cpus", 3, path)
    system.wait_line("sweep", "sweep: done", BOOT)
    system.wait_line("root", "sweep: off")
    lines = system.lines("sweep")
    assert_as_decided(lines)
    summaries = [match.groups() for match in (re.match(r"sweep: (.*): (\d+) of (\d+) as expected", line) for line in lines) if match]
    assert [kind for kind, _, _ in summaries] == ["applications", "steps", "applications in AArch32", "doorbells in AArch32"], lines
    other = [line for line in lines if line == OPTIONAL_DEBUG]  # a register that is optional where EL1 has no AArch32
    assert not other or cpu == "neoverse-n1", lines
    assert [int(count) - int(good) for _, good, count in summaries] == [0, 0, len(other), 0], lines
    system.wait_line("probe", "sweep rang 1 times")
    calls = {m[1]: m.groups()[1:] for m in (re.match(r"sweep: call (\w+): features (\w+), hvc (\w+), smc (\w+)$", line) for line in lines) if m}
    assert calls == {function: (features, answer, answer) for function, (features, answer) in CALLS.items()}, calls
    assert_rt_goes_on(system)
    assert_rt_goes_on(system, "beside")
