"""Firmware from flash memory: U-Boot and EDK2 of Debian's packages, to their prompts, through them to Linux, and their variables over a reset. Five minutes."""

import re

import pytest

from console import BOOT, PROMPT, ROOT
from describe import DEBIAN, describe, guest, linux, node
from neighbour import assert_rt_goes_on

FIRMWARE = DEBIAN / "firmware"


class Uboot:
    """U-Boot's prompt."""

    def __init__(self, system):
        self.system = system

    def wait_for_prompt(self):
        self.system.expect("stop autoboot", BOOT)
        self.system.send(" ")
        self.system.expect("=> ")

    def send(self, command):
        """Types it; the terminal shows the prompt again only when the command has ended."""
        self.system.send(command + "\r")

    def run(self, command, pattern):
        self.send(command)
        match = self.system.expect(pattern)
        self.system.expect("=> ")
        return match


def test_uboot(boot):
    """Its prompt, flash memory that keeps what was programmed over a reset, and Linux by way of fw_cfg; `rt` beside it."""
    system = boot("systems/uboot.dts")
    uboot = Uboot(system)
    uboot.wait_for_prompt()
    uboot.run("version", r"U-Boot 20\d\d\.\d\d.*\n")
    uboot.run("bdinfo", rf"-> size\s+= 0x{512 << 20:016x}")

    uboot.run("protect off 04000000 0401ffff", "Un-Protected 1 sectors")
    uboot.run("erase 04000000 0401ffff", "Erased 1 sectors")
    uboot.run("cp.b 00000000 04000000 100", "done")
    uboot.run("cp.b 00000000 04200000 4", "Copy to Flash")  # what does not exist of the bank stays erased; U-Boot does not look
    uboot.run("md.l 04200000 1", "04200000: ffffffff")
    before = uboot.run("md.l 00100000 1", "00100000: ([0-9a-f]{8})").group(1)
    uboot.run("mw.l 00100000 00400040; mw.l 00100000 0; mw.l 00100000 00ff00ff; md.l 00100000 1", f"00100000: {before}")  # firmware's own bank
    system.send("reset\r")
    uboot.wait_for_prompt()
    uboot.run("cmp.b 00000000 04000000 100", r"Total of 256 byte\(s\) were the same")

    sizes = uboot.run("qfw load $kernel_addr_r $ramdisk_addr_r", r"size ([0-9a-f]+) initrd \S+ size ([0-9a-f]+)")
    assert int(sizes.group(1), 16) == (DEBIAN / "vmlinuz").stat().st_size
    uboot.send(f"booti $kernel_addr_r $ramdisk_addr_r:{sizes.group(2)} $fdt_addr")
    system.wait_for_shell()
    assert system.shell_ok("nproc", "uboot") == ["2"]
    assert system.shell_ok("cat /proc/cmdline", "uboot") == ["console=ttyAMA0 quiet"]
    assert_rt_goes_on(system)
    system.send("poweroff\r")
    system.expect("reboot: Power down")
    system.quit()
