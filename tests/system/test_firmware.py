"""Firmware from flash memory: U-Boot and EDK2 of Debian's packages, to their prompts, through them to Linux, and their variables over a reset; the -rt kernel. Two minutes."""

import pytest

from console import BOOT
from describe import DEBIAN, describe, guest, linux
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

    sizes = uboot.run("qfw load $kernel_addr_r $ramdisk_addr_r", r"size ([0-9a-f]+) initrd \S+ size ([0-9a-f]+)\r*\n")
    assert int(sizes.group(1), 16) == (DEBIAN / "vmlinuz").stat().st_size
    uboot.send(f"booti $kernel_addr_r $ramdisk_addr_r:{sizes.group(2)} $fdt_addr")
    system.wait_for_shell()
    assert system.shell_ok("nproc", "uboot") == ["2"]
    assert system.shell_ok("cat /proc/cmdline", "uboot") == ["console=ttyAMA0 quiet"]
    assert_rt_goes_on(system)
    system.send("poweroff\r")
    system.expect("reboot: Power down")
    system.quit()


class Uefi:
    """EDK2's shell."""

    def __init__(self, system):
        self.system = system

    def wait_for_prompt(self):
        self.system.expect("any other key", BOOT)
        self.system.send("\x1b")
        self.system.expect("Shell> ")

    def run(self, command, pattern):
        self.system.send(command + "\r")
        match = self.system.expect(pattern)
        self.system.expect("Shell> ")
        return match


@pytest.mark.parametrize("gic", [2, 3])
def test_uefi(boot, gic):
    """Its shell, a variable in flash memory over the guest's reset, power-off; `rt` beside it."""
    guid = "5b4d3a10-6f6e-4c0e-9a52-62756c6b6864"  # of our own: names under EDK2's are restricted
    system = boot("systems/uefi.dts", "--gic", gic)
    uefi = Uefi(system)
    uefi.wait_for_prompt()
    uefi.run("ver", r"UEFI v2\.\d+")
    uefi.run("memmap", "Total Memory")
    uefi.run(f"setvar sealed -guid {guid} -nv -bs =0x4b1d", "")
    system.send("reset\r")
    uefi.wait_for_prompt()
    uefi.run(f"setvar sealed -guid {guid}", "1D 4B")
    assert_rt_goes_on(system)
    system.send("reset -s\r")
    system.expect("uefi: off")
    system.quit()


def test_uefi_linux(boot, tmp_path):
    """EDK2 fetches kernel, initrd and arguments by fw_cfg and starts the kernel as the EFI program that it is."""
    system = boot(describe(tmp_path, linux(firmware=FIRMWARE / "edk2-code.fd", memory="512M", cpus=[1, 2])))
    system.wait_for_shell()
    assert system.shell_ok("nproc", "linux") == ["2"]
    assert system.shell_ok("cat /sys/firmware/efi/fw_platform_size", "linux") == ["64"]
    assert "console=ttyAMA0 quiet" in system.shell_ok("cat /proc/cmdline", "linux")[0]
    system.send("poweroff\r")
    system.expect("linux: off")
    system.quit()


@pytest.mark.parametrize("gic", [2, 3])
def test_rt_kernel(boot, tmp_path, gic):
    """Debian's kernel with PREEMPT_RT, on two processors, beside `rt`."""
    system = boot(describe(tmp_path, linux(kernel=DEBIAN / "rt" / "vmlinuz", cpus=[1, 2], focus=True), guest("rt", "rt", 3, priority=20)), "--gic", gic)
    system.wait_for_shell()
    assert "PREEMPT_RT" in system.shell_ok("uname -v", "linux")[0]
    assert system.shell_ok("nproc", "linux") == ["2"]
    system.send("reboot\r")
    system.wait_for_shell()
    assert_rt_goes_on(system)
    system.send("poweroff\r")
    system.expect("linux: off")
    system.quit()
