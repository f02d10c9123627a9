"""Debian's 32-bit kernel (armmp) in a VM: its EL1 is in AArch32 state."""

import pytest

from console import BOOT, ROOT
from describe import describe, guest, linux
from neighbour import assert_rt_goes_on
from test_debian import assert_timers_tick

ARMHF = ROOT / "build" / "debian" / "armhf"


def boot_armmp(boot, *options):
    return boot("--kernel", ARMHF / "vmlinuz", "--initrd", ARMHF / "initrd.gz", *options)


@pytest.mark.parametrize("cpu", ["cortex-a53", "cortex-a57"])
@pytest.mark.parametrize("gic", [2, 3])
def test_armmp(boot, gic, cpu):
    """A wrong CP15 answer, a lost SGI (MCRR), a missing banked register or SPSR in the world switch: it does not get to the end of this."""
    system = boot_armmp(boot, "--append", "console=ttyAMA0", "--cpu", cpu, "--gic", gic, "--cpus", 2, "--host-cpus", 2)
    system.wait_for_shell()
    assert system.shell_ok("uname -m") == ["armv7l"]
    assert system.shell_ok("nproc") == ["2"]
    assert f"GICv{gic}" in system.shell_ok("grep arch_timer /proc/interrupts")[0].replace("GIC-0", "GICv2")
    assert "vfpv4" in system.shell_ok("grep -m 1 Features /proc/cpuinfo")[0].split()
    assert_timers_tick(system, 2)
    for online in "0", "1":
        system.shell_ok(f"echo {online} >/sys/devices/system/cpu/cpu1/online")
    assert_timers_tick(system, 2)
    assert not any("[bulkhead]" in line for line in system.lines("guest"))

    system.send("reboot\r")
    system.wait_for_shell()
    assert system.shell_ok("nproc") == ["2"]
    system.send("poweroff\r")
    system.expect("reboot: Power down")
    system.quit()


def test_armmp_beside_rt(boot):
    system = boot("systems/linux32.dts")
    system.wait_for_shell()
    system.send("reboot\r")
    system.wait_for_shell()
    assert system.shell_ok("uname -m", "linux32") == ["armv7l"]
    assert_rt_goes_on(system)
    system.quit()


def test_armmp_shares_its_cpu(boot, tmp_path):
    """WFI while another VM is ready goes by way of the monitor (CALL_VCPU_WAIT). Red when the guest burns its CPU then, which one of lower priority would not get, or is not woken again."""
    armmp = linux("linux32", kernel=ARMHF / "vmlinuz", initrd=ARMHF / "initrd.gz", priority=12, focus=True)
    system = boot("--host-cpus", 1, describe(tmp_path, armmp, guest("ticker", "ticker", bootargs="period=10000 work=5000 every=10", priority=5)))
    system.wait_for_shell()
    for _ in range(3):
        seen = len([line for line in system.lines("ticker") if "due" in line])
        system.shell_ok("sleep 2", "linux32")
        assert len([line for line in system.lines("ticker") if "due" in line]) > seen
    system.quit()


@pytest.mark.parametrize("cpu", ["neoverse-n1"])
def test_no_aarch32_at_el1(boot, cpu):
    """A processor with AArch32 for programs only: the VM is refused, and it is said why."""
    system = boot_armmp(boot, "--cpu", cpu)
    system.expect("this processor has AArch32 for programs only, not for kernels: give an arm64 kernel", BOOT)


@pytest.mark.parametrize("gic", [2, 3])
def test_hostile(boot, tmp_path, gic):
    """Every register of CP14 and CP15 read and written; then what wild32.S checks: aborts, calls, conditions, IT blocks, banked registers. `rt` loses nothing."""
    system = boot("--gic", gic, "--host-cpus", 3, describe(tmp_path, guest("wild", "wild32", cpu=1), guest("rt", "rt", cpu=2)))
    match = system.wait_line("wild", r"wild32: checks failed 0x(\w+), undefined 0x(\w+), aborts 0x(\w+)", BOOT)
    failed, undefined, aborts = (int(n, 16) for n in match.groups())
    assert failed == 0
    assert undefined > 60000 and aborts >= 2, match.group(0)
    assert any("coprocessor register p15, 0, c9, c12, 0, which VMs are not offered" in line for line in system.lines("wild"))
    assert_rt_goes_on(system)
