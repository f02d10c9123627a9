"""Virtio devices that the monitor serves itself: stock Debian's drivers on them, and a guest that lies to them. What it does at random a seed decides: $LIES_SEED."""

import os
import random

import pytest

from console import BOOT, ROOT
from describe import describe, guest
from neighbour import assert_rt_goes_on

SEED = int(os.environ.get("LIES_SEED") or random.SystemRandom().randrange(1, 1 << 31))

DEBIAN = ROOT / "build" / "debian"


@pytest.mark.parametrize("gic", [2, 3])
def test_entropy(boot, gic):
    """Red when Debian finds no entropy device, its buffers do not come back or no interrupt says so, or the same bytes come twice; 15 s each."""
    system = boot("--kernel", DEBIAN / "vmlinuz", "--initrd", DEBIAN / "initrd.gz", "--append", "console=ttyAMA0 quiet", "--gic", gic,
                  "--cpus", 2, "--host-cpus", 2, "--memory", "256M")
    system.wait_for_shell(BOOT)
    assert system.shell_ok("cat /sys/class/misc/hw_random/rng_current") == ["virtio_rng.0"]
    sums = [system.shell_ok("dd if=/dev/hwrng bs=64 count=64 2>/dev/null | md5sum")[0] for _ in range(3)]
    assert len(set(sums)) == 3 and all(len(line.split()[0]) == 32 for line in sums), sums
    assert system.shell_ok("dd if=/dev/hwrng bs=64 count=64 2>/dev/null | wc -c") == ["4096"]
    line = system.shell_ok("grep virtio /proc/interrupts")[0].split()
    assert sum(map(int, line[1:3])) > 100 and "Edge" in line, line
    assert system.shell_ok("cat /sys/bus/virtio/devices/virtio0/status") == ["0x0000000f"]
    assert system.shell_ok("cut -c35 /sys/bus/virtio/devices/virtio0/features") == ["1"]  # VIRTIO_F_RING_PACKED
    system.shell_ok("rmmod virtio_rng")  # resets the device
    system.shell_ok("insmod /lib/modules/virtio-rng.ko*")
    assert system.shell_ok("dd if=/dev/hwrng bs=64 count=64 2>/dev/null | wc -c") == ["4096"]
    system.send("reboot\r")
    system.wait_for_shell(BOOT)
    assert system.shell_ok("dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c") == ["256"]
    system.quit()


@pytest.mark.parametrize("gic", [2, 3])
def test_lies(boot, tmp_path, gic):
    """A guest lies in its rings and registers, changes them under the device's eyes and floods it. Red when a lie is believed or not told to the guest, when the
    device does not serve after a reset, when the monitor dies, floods its console, or `rt` loses a period."""
    path = describe(tmp_path, guest("rt", "rt", cpu=0), guest("liar", "virtio-lies", cpu=[1, 2], bootargs=f"seed={SEED}"))
    system = boot("--gic", gic, path)
    system.wait_line("liar", r"lies: (\d+) told, \1 found, features refused", BOOT)
    system.wait_line("liar", r"lies: \d+ at random from two CPUs, found out, serves afterwards", BOOT)
    system.wait_line("root", "liar: off")
    said = "".join(system.lines("liar"))
    assert said.count("needs a reset by its guest") == 1, f"seed {SEED}: {said}"
    assert "VM liar: its entropy device needs a reset by its guest: a chain has too many descriptors, or loops" in said, said
    assert_rt_goes_on(system)
    system.quit()
