"""What scripts/bench and its kind share: running the emulator with and without the hypervisor, by the measuring command line, and reading what the guests print."""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
LOGS = os.path.join(BUILD, "bench")
CPU = "cortex-a57"
PATIENCE = 1200  # seconds: a run of the workload takes minutes on a small machine

sys.path.insert(0, os.path.join(TOP, "tests/system"))


def run_until(pattern, command, log):
    """Runs the command until its output has the pattern; returns the output."""
    import pexpect

    print(f"bench: {log}", file=sys.stderr, flush=True)
    os.makedirs(LOGS, exist_ok=True)
    with open(os.path.join(LOGS, log + ".log"), "w", encoding="utf-8", errors="replace", newline="") as file:
        child = pexpect.spawn(command[0], command[1:], cwd=TOP, timeout=PATIENCE, encoding="utf-8", codec_errors="replace",
                              echo=False, dimensions=(50, 200))
        child.logfile_read = file
        try:
            child.expect(pattern)
        except (pexpect.EOF, pexpect.TIMEOUT) as error:
            sys.exit(f"bench: {log}: {type(error).__name__} before {pattern!r}; the output is in {file.name}")
        finally:
            child.close(force=True)
    with open(file.name, encoding="utf-8", newline="") as file:
        return file.read()


def bare_command(gic, cpus, memory, *more, cpu=CPU):
    """QEMU without a hypervisor."""
    return ["qemu-system-aarch64", "-M", f"virt,virtualization=on,gic-version={gic}", "-cpu", f"{cpu},cntfrq=1000000000", "-smp",
            str(cpus), "-m", memory, "-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01T00:00:00,clock=vm", "-nodefaults",
            "-display", "none", "-serial", "stdio", *more]


def guest_command(gic, cpus, memory, *more, cpu=CPU):
    """One VM with that many vCPUs on as many processors."""
    return [os.path.join(BUILD, "bulkhead"), "run", "--gic", str(gic), "--cpus", str(cpus), "--host-cpus", str(cpus), "--memory",
            memory, "--cpu", cpu, "--icount", "0", *more]


def system_command(gic, host_cpus, *nodes, cpu=CPU, folder=None):
    """A system of the given nodes (tests/system/describe.py)."""
    import pathlib

    from describe import describe

    path = describe(pathlib.Path(folder or LOGS), *nodes)
    return [os.path.join(BUILD, "bulkhead"), "run", "--gic", str(gic), "--host-cpus", str(host_cpus), "--cpu", cpu, "--icount", "0", str(path)]


def ubench_rows(text):
    """Row name → (median, maximum) of what the micro-benchmark printed; a row that ended in a fault is left out."""
    found = re.findall(r"(?:^|\| )(\w+) \d+ (\d+) \d+ (\d+) \w+ \d+\r*$", text, re.M)
    return {name: (int(p50), int(worst)) for name, p50, worst in found}
