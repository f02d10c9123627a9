"""The workloads of bench/workload.sh in stock Debian, as ratios to the same kernel on the emulator without a hypervisor."""

import os
import re
import subprocess

import measure
from measure import BUILD, CPU, LOGS


def workload_rows(text):
    return {name: float(us) for name, us in re.findall(r"w_(\w+) ([\d.e+]+)\r", text)}


# What the bare machine's tree describes and a VM does not have; Linux would look for it at boot.
ABSENT = ("pcie@", "virtio_mmio@", "flash@", "fw-cfg@", "gpio", "pl061@", "platform-bus@", "pmu")
# The same random numbers each time, and none where memory lies: else rows differ by up to 1 % from run to run.
DEBIAN_APPEND = "console=ttyAMA0 quiet nokaslr norandmaps"
SEED = ["-seed", "1"]


def tree_nodes(path, folder):
    return subprocess.run(["fdtget", "-l", path, folder], check=True, capture_output=True, text=True).stdout.split()


def bare_tree(machine):
    """A file: the emulator's tree with those devices only that a VM has, too, and with an rng-seed."""
    path = os.path.join(LOGS, "bare.dtb")
    subprocess.run(["qemu-system-aarch64", "-M", f"{machine},dumpdtb={path}", "-cpu", CPU, "-m", "256", "-display", "none", "-nodefaults", *SEED],
                   check=True, stderr=subprocess.DEVNULL)
    for node in tree_nodes(path, "/"):
        absent = ["/" + node] if node.startswith(ABSENT) else [f"/{node}/{its}" for its in tree_nodes(path, "/" + node) if node.startswith("intc@")]
        for name in absent:
            subprocess.run(["fdtput", "-r", path, name], check=True)
    return path


def rows():
    """Workload → {bare, guest (virtual microseconds = thousands of instructions), ratio}. Bare: the same kernel at EL1 with the same devices."""
    kernel, initrd = os.path.join(BUILD, "debian/vmlinuz"), os.path.join(BUILD, "debian/initrd-workload.gz")
    command = measure.bare_command(3, 1, "256", "-kernel", kernel, "-initrd", initrd, "-append", DEBIAN_APPEND, *SEED, "-dtb", bare_tree("virt,gic-version=3"))
    bare = workload_rows(measure.run_until(r"\ndone\r", [word.replace("virtualization=on", "virtualization=off") for word in command], "debian-bare"))
    # The measuring command line leaves the firmware's rng-seed out; both trees are to have one.
    guest = workload_rows(measure.run_until(r"\| done\r", measure.guest_command(3, 1, "256M", "--kernel", kernel, "--initrd", initrd, "--append",
                                                               DEBIAN_APPEND, "--", "-machine", "dtb-randomness=on", *SEED), "debian"))
    return {name: {"bare": bare[name], "guest": us, "ratio": round(us / bare[name], 4)} for name, us in guest.items()
            if bare.get(name)}
