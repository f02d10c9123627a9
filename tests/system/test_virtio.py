"""Virtio devices that the monitor serves itself: stock Debian's drivers on them."""

import pytest

from console import BOOT, ROOT

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
    system.shell_ok("rmmod virtio_rng")  # resets the device
    system.shell_ok("insmod /lib/modules/virtio-rng.ko*")
    assert system.shell_ok("dd if=/dev/hwrng bs=64 count=64 2>/dev/null | wc -c") == ["4096"]
    system.send("reboot\r")
    system.wait_for_shell(BOOT)
    assert system.shell_ok("dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c") == ["256"]
    system.quit()
