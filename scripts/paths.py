"""The paths that are measured instruction by instruction: on which system each occurs, and where it begins and ends in the execution log."""

import collections
import functools
import os
import sys
import tempfile

import execlog
import measure
from measure import BUILD, CPU
from stand_in import build_folder

UBENCH = os.path.join(BUILD, "guests/ubench")

# begin, end: kinds of marks. "before" and "after" are the guest's reads of CNTVCT around an operation, "handler" the one in its vector; "vector" is the
# kernel's vector for interrupts, as no log tells when a timer expires; "wfi" the guest's WFI; "spinning" and "fp used" the other VM's first instruction, and the one
# after its first use of FP, and from the last of its instructions a path that begins with "wfi" and ends with "handler" counts; "woken@1" a component's return from a call on CPU 1. `row`: the row of guests/ubench in which it occurs.
Rule = collections.namedtuple("Rule", "system row begin end")

EXITS = ("hvc_null", "hvc_unknown", "smc_psci", "smc_trap", "sysreg_idreg", "gicd_typer_rd", "gicd_isenabler_wr", "gicd_isenabler_line", "uart_fr_rd", "eoi")
TIMERS = ("vtimer_spin", "vtimer_wfi_50us", "vtimer_wfi_1ms", "vtimer_traploop")
RULES = {
    **{row: Rule("alone", row, "before", "after") for row in EXITS},
    "sgi_self": Rule("alone", "sgi_self", "before", "handler"),
    **{row: Rule("alone", row, "vector", "handler") for row in TIMERS},
    "ipi_spin": Rule("two", "ipi_spin", "before", "handler"),
    "ipi_wfi": Rule("two", "ipi_wfi", "before", "handler"),
    "vtimer_wfi_shared": Rule("spin", "vtimer_wfi_50us", "wfi", "handler"),
    "vm_switch": Rule("spin", "vm_switch", "wfi", "spinning"),
    "vm_switch_fp": Rule("spin-fp", "vm_switch_fp", "wfi", "fp used"),
    "device_irq": Rule("device", "device_irq", "before", "handler"),
    "multicall16": Rule("components", "multicall16", "before", "after"),
    "portal_round_trip": Rule("components", "portal_round_trip", "before", "after"),
    "signal_same_cpu": Rule("components", "signal_same_cpu", "before", "after"),
    "multicall_wake": Rule("components", "multicall_wake", "before", "after"),
    "multicall16_kick": Rule("components", "multicall16_kick", "before", "after"),
    "doorbell_other_cpu": Rule("doorbell", "doorbell_round_trip", "before", "woken@1"),
}


# Rows whose guest's clock says something else than the path, which is what counts then.
BY_PATH = ("vm_switch", "vm_switch_fp", "doorbell_other_cpu")


def bootargs(rows):
    return f"rows={','.join(dict.fromkeys(RULES[row].row for row in rows))} brief=1"


def command(system, rows, gic, cpu, folder):
    """Boots the system on which these rows occur."""
    from describe import component, guest

    if system == "components":
        return components_command(gic, cpu, folder)
    if system in ("alone", "two"):
        return measure.guest_command(gic, 1 if system == "alone" else 2, "128M", "--kernel", UBENCH, "--append", bootargs(rows), cpu=cpu)
    neighbour = {"noise": "ubench-noise", "spin": "spin", "spin-fp": "spin"}.get(system)
    more = {}
    nodes = []
    if neighbour:
        more = {"priority": 30}
        nodes.append(guest("other", neighbour, cpu=0, priority=10, **({"bootargs": "fp=1"} if system == "spin-fp" else {})))
    elif system == "device":
        more = {"devices": "/pl031@9010000"}
    elif system == "doorbell":
        more = {"doorbells": "probe"}
        nodes.append(component("probe", "probe", cpu=1))
    measured = guest("measured", "ubench", cpu=0, bootargs=bootargs(rows), **more)
    return measure.system_command(gic, 2 if system == "doorbell" else 1, measured, *nodes, cpu=cpu, folder=folder)


def components_command(gic, cpu, folder):
    """
    Boots components/bench in root's place. The kernel is that of every other system; nobody reads the description, but root's kernel memory depends on
    how much there is of it.
    """
    from describe import component, guest

    nodes = [*(guest(f"g{i}", "spin") for i in range(14)), *(component(f"c{i}", "crash") for i in range(16))]
    words = measure.system_command(gic, 1, *nodes, cpu=cpu, folder=folder)
    return [*words[:2], "--build-dir", build_folder(folder, "bench"), *words[2:]]


def add(marks, level, pc, kind):
    marks.setdefault((level, pc), []).append(kind)


def add_rows(marks, level, program):
    for start, name in program.symbols:
        if name.startswith("row_") and name not in ("row_call", "row_abort", "row_sp"):
            add(marks, level, start + program.base, "row:" + name[4:])


def component_marks(machine):
    bench = machine.program("bench")
    marks = execlog.counter_marks(bench, 0, "CNTPCT_EL0")
    add_rows(marks, 0, bench)
    return marks


def guest_marks(machine):
    """Rows of ubench, its counter reads and WFIs, the kernel's vector; where the other VM spins; where probe's calls return."""
    guest, spin, probe = (machine.program(name) for name in ("ubench", "spin", "probe"))
    marks = execlog.counter_marks(guest)
    add_rows(marks, 1, guest)
    add(marks, 2, machine.kernel.address("vectors") + execlog.VECTOR_IRQ, "vector")
    for offset, code in guest.code.items():
        if code.mnemonic == "wfi":
            add(marks, 1, offset + guest.base, "wfi")
    add(marks, 1, spin.address("spin_plain"), "spinning")
    add(marks, 1, spin.address("spin_fp_used"), "fp used")
    for offset, code in probe.code.items():
        if code.mnemonic == "svc":
            add(marks, 0, offset + 4, "woken@1")
    return marks


def machine_of(system):
    if system == "components":
        return execlog.Machine(guests=(), components=("bench",))
    if system == "doorbell":
        return execlog.Machine(guests=("ubench", "spin"), components=("probe", "vmm", "uart", "root"))
    return execlog.Machine(guests=("ubench", "spin", "ubench-noise"), components=("vmm", "uart", "root", "probe"))


def since_preempted(machine, path):
    """The part of the path that follows the other VM's last instruction."""
    spin = machine.program("spin")
    loop = range(spin.address("spin_plain"), spin.address("spin_plain") + 8)
    last = max((at for at, step in enumerate(path) if step.level == 1 and step.pc in loop), default=-1)
    return path[last + 1:]


def record(rows, gic=3, cpu=CPU):
    """(row → Profile of the path of median length, row → (median, worst) by the guest's own clock, for rows of BY_PATH by the log). A row that did not occur has
    the profile None."""
    found, measured = {}, {}
    for system in dict.fromkeys(RULES[row].system for row in rows):
        chosen = [row for row in rows if RULES[row].system == system]
        machine = machine_of(system)
        marks = component_marks(machine) if system == "components" else guest_marks(machine)
        recorder = execlog.Recorder(marks, {RULES[row].row: RULES[row][2:] for row in chosen})
        with tempfile.TemporaryDirectory() as folder:
            text = execlog.record(command(system, chosen, gic, cpu, folder), recorder)
        clock = measure.ubench_rows(text)
        for row in chosen:
            rule = RULES[row]
            cut = functools.partial(since_preempted, machine) if rule.begin == "wfi" and rule.end == "handler" else None
            lengths = sorted(recorder.lengths(rule.row, cut))
            if lengths and row in BY_PATH:
                measured[row] = lengths[len(lengths) // 2], lengths[-1]
            elif rule.row in clock:
                measured[row] = clock[rule.row]
            found[row] = execlog.Profile(machine, recorder.median(rule.row, cut)) if lengths else None
            if not lengths:
                print(f"{row} did not occur; the console showed:\n{text}", file=sys.stderr)
    return found, measured
