"""The stock Debian kernel in a VM: processors, timers, hotplug, reboot, power off."""

import re

import pytest

from console import BOOT, PROMPT, ROOT

DEBIAN = ROOT / "build" / "debian"


def boot_debian(boot, gic, cpus):
    return boot("--kernel", DEBIAN / "vmlinuz", "--initrd", DEBIAN / "initrd.gz", "--append", "console=ttyAMA0", "--gic", gic,
                "--cpus", cpus, "--host-cpus", cpus)


def timer_interrupts(system):
    """Per online CPU: arch_timer's count."""
    lines = system.shell_ok("cat /proc/interrupts")
    timers = [line for line in lines if "arch_timer" in line]
    assert len(timers) == 1, lines
    return [int(n) for n in re.match(r"\s*\d+:((?:\s+\d+)+)\s", timers[0]).group(1).split()]


def assert_timers_tick(system, cpus):
    """On each CPU, while a process there sleeps by it."""
    before = timer_interrupts(system)
    assert len(before) == cpus, before
    for cpu in range(cpus):
        system.shell_ok(f"taskset {1 << cpu:x} sleep 0.2")
    after = timer_interrupts(system)
    assert all(b > a for a, b in zip(before, after)), (before, after)


def set_online(system, cpu, online):
    system.shell_ok(f"echo {online} >/sys/devices/system/cpu/cpu{cpu}/online")


def assert_online(system, expected):
    assert system.shell_ok("cat /sys/devices/system/cpu/online") == [expected]


@pytest.mark.parametrize("cpus", [1, 2, 4])
@pytest.mark.parametrize("gic", [2, 3])
def test_debian(boot, gic, cpus):
    system = boot_debian(boot, gic, cpus)
    system.wait_for_shell()
    assert system.shell_ok("nproc") == [str(cpus)]
    assert f"GICv{gic}" in system.shell_ok("grep arch_timer /proc/interrupts")[0].replace("GIC-0", "GICv2")
    assert system.shell_ok("ls /proc/device-tree/chosen | grep seed") == ["kaslr-seed"]  # Linux takes rng-seed out when it has used it,
    assert system.shell_ok("dmesg | grep crng") == ["[    0.000000] random: crng init done"]  # which is before there is time
    assert_timers_tick(system, cpus)

    for cpu in range(1, cpus):
        set_online(system, cpu, 0)
    assert_online(system, "0")
    for cpu in range(1, cpus):
        set_online(system, cpu, 1)
    assert_online(system, "0" if cpus == 1 else f"0-{cpus - 1}")
    assert_timers_tick(system, cpus)

    system.send("reboot\r")
    system.wait_for_shell()
    assert system.shell_ok("nproc") == [str(cpus)]
    assert_timers_tick(system, cpus)

    system.send("poweroff\r")
    system.expect("reboot: Power down")
    system.quit()


@pytest.mark.parametrize("gic", [2, 3])
def test_twenty_reboots(boot, gic):
    system = boot("--kernel", DEBIAN / "vmlinuz", "--initrd", DEBIAN / "initrd.gz", "--append", "console=ttyAMA0 quiet", "--gic",
                  gic, "--cpus", 2, "--host-cpus", 2, "--memory", "256M")
    system.wait_for_shell()
    for _ in range(20):
        system.send("reboot\r")
        system.wait_for_shell(BOOT)
    assert system.shell_ok("nproc") == ["2"]
    assert_timers_tick(system, 2)


@pytest.mark.parametrize("cpu", ["cortex-a53"])
def test_other_processors(boot, cpu):
    system = boot("--kernel", DEBIAN / "vmlinuz", "--initrd", DEBIAN / "initrd.gz", "--append", "console=ttyAMA0 quiet", "--cpu",
                  cpu, "--cpus", 2)
    system.wait_for_shell()
    assert_timers_tick(system, 2)
    # Interrupt the foreground process: Ctrl-C belongs to the guest.
    system.in_foreground("sleep 1000")
    system.send("\x03")
    system.expect(PROMPT)
    assert system.shell_ok("echo alive") == ["alive"]
