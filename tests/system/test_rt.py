"""The real-time guest: every period is handled, whatever its neighbours do. When is the emulator's affair; that is ours."""

import gzip
import re
import struct

import pytest

from console import BOOT, ROOT
from describe import GUESTS, describe, guest
from neighbour import assert_nothing_lost, assert_rt_goes_on, rt_lines, wait_rt_line


@pytest.mark.parametrize("gic", [2, 3])
def test_rt_alone(boot, gic):
    system = boot("--kernel", ROOT / "build/guests/rt", "--memory", "16M", "--gic", gic, "--append", "seconds=5 note=as a test")
    system.expect(r"rt: 5 s: .*\(as a test\)", BOOT)
    assert_nothing_lost(system, "guest", 1000, 5)


def test_linux_reboots_beside_rt(boot):
    system = boot("systems/demo.dts")
    system.wait_for_shell()
    for _ in range(2):
        system.send("reboot\r")
        system.wait_for_shell()
    assert system.shell_ok("nproc", "linux") == ["2"]
    last = len(rt_lines(system, "rt")) + 3
    wait_rt_line(system, last)

    system.send("poweroff\r")
    system.expect("reboot: Power down")
    last = len(rt_lines(system, "rt")) + 3
    wait_rt_line(system, last)
    assert_nothing_lost(system, "rt", 1000, last)
    assert "emulator: reflects the host" in "".join(system.lines("rt"))
    system.quit()


@pytest.mark.parametrize("gic", [2, 3])
def test_two_on_one_cpu(boot, tmp_path, gic):
    """Equal in priority, both spend more than a time slice inside each handler: they are preempted there."""
    description = describe(tmp_path, *(guest(name, "rt", bootargs="period=40000 work=15000") for name in ("one", "other")))
    system = boot("--host-cpus", 1, "--gic", gic, "--icount", 0, description)
    for name in ("one", "other"):
        while len(rt_lines(system, name)) < 5:
            system.expect(rf"{name} *\| rt: \d+ s:[^\r]*\r", BOOT)
        assert_nothing_lost(system, name, 25, 5)
        preempted = [re.search(r"(\d+) preemptions in handlers", line) for line in system.lines(name)]
        assert sum(int(match.group(1)) for match in preempted if match) > 0, system.lines(name)


def elf(code):
    """A file of one segment, which is entered at its first byte, at the start of a VM's RAM."""
    base, page, room = 0x40000000, 4096, 1 << 20
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, base, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, page, base, base, len(code), len(code) + room, page)
    return (header + segment).ljust(page, b"\0") + code


@pytest.mark.parametrize("gic", [2, 3])
def test_formats(boot, tmp_path, gic):
    """Red when the monitor loads an ELF file, or decompresses a kernel, wrongly."""
    code = (GUESTS / "rt").read_bytes()
    files = {"elf": elf(code), "gzip": gzip.compress(code)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    system = boot("--host-cpus", 2, "--gic", gic, describe(tmp_path, *[guest(name, tmp_path / name, cpu) for cpu, name in enumerate(files)]))
    for name in files:
        system.wait_line(name, rf"rt: period 1000 us, GICv{gic},", BOOT)
    for name in files:
        assert_rt_goes_on(system, name)
