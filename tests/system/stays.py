"""What each interrupt of `rt` costs the kernel, in instructions of rt's CPU, from the emulator's execution log: to the last one, and the same whenever the
emulator gives another CPU the turn. A clock does not tell that with two CPUs: the turn changes in the middle of an interrupt when a timer of the other is due.
"""

import collections
import os
import subprocess
from unittest import mock

from console import BOOT
import execlog

LOGGED = 900  # seconds: each instruction of two CPUs goes through a pipe
COMMON = 20   # a stay that was seen so often beside nobody is the rule
SHORTER = 4   # instructions less are no harm: a loop over list registers that ends earlier, or a step that the log leaves out where a turn ends
BOTH = 3      # stays that took two interrupts, both pending, because the emulator let this CPU run late

Stay = collections.namedtuple("Stay", "length switched")  # instructions; whether it ended in another thread than it began in


def interrupt_stays(trace):
    """What the log of one CPU says of each of its interrupts, one after the other."""
    kernel = execlog.binary_of("kernel", "kernel/kernel.elf", execlog.KERNEL_BASE)
    vectors, switch = kernel.address("vectors"), kernel.address("arch_thread_switch")
    assert vectors and switch, "the kernel has no such function any more: name the one that switches threads here"
    begins, ends = vectors + execlog.VECTOR_IRQ, vectors + execlog.VECTOR_SYNC
    stays, length, switched = [], 0, False
    for step in execlog.steps(trace):
        if step.pc in (begins, ends):
            if length:
                stays.append(Stay(length, switched))
            length, switched = int(step.pc == begins), False
        elif length:
            length += 1
            switched = switched or step.pc == switch
    return stays


def logged(boot, folder, cpu, gic, path, name, last):
    """Runs the system until that console says `last`; the system, ended, and the stays of `cpu`."""
    fifo, kept = folder / "fifo", folder / "log"
    os.mkfifo(fifo)
    with open(kept, "wb") as out, subprocess.Popen(["grep", "-E", f"^Trace {cpu}|^Stopped|^cpu_io", fifo], stdout=out) as grep:
        try:
            with mock.patch.dict(os.environ, LD_PRELOAD=os.path.join(execlog.BUILD, "execlog.so")):
                system = boot("--host-cpus", 2, "--gic", gic, "--icount", 0, path, "--", "-singlestep", "-d", "exec,nochain",
                              "-dfilter", f"{execlog.KERNEL_BASE:#x}+0x20000", "-D", fifo)
            system.wait_line(name, last, max(BOOT, LOGGED))
        except BaseException:
            grep.kill()  # its input does not end before the system does, and that comes after this
            raise
        system.end()
    with open(kept, "rb") as trace:
        stays = interrupt_stays(trace)
    kept.unlink()
    return system, stays


def lengths(stays):
    return collections.Counter(stay.length for stay in stays)


def assert_as_beside_nobody(quiet, beside, least=COMMON):
    """`quiet`, `beside`: length → how often. The usual lengths have to be seen `least` times."""
    usual = [length for length, count in quiet.items() if count >= COMMON]  # one, or two where an end of interrupt is an exit
    assert 1 <= len(usual) <= 2, quiet
    assert all(beside[length] >= least for length in usual), beside
    others = {length for length in beside if length not in quiet and not any(u - SHORTER <= length <= u for u in usual)}
    both = {length for length in others if max(usual) < length <= 2 * max(usual)}
    assert others == both and sum(beside[length] for length in both) <= BOTH, (quiet, beside)
