"""A device of the board passed through to a VM: its registers without exits, its interrupt linked to the guest's own."""

import pytest

from console import BOOT
from describe import describe, guest

ALARMS = 3
# Instructions of an end of interrupt: about a dozen without an exit. QEMU's GICv2 loses deactivations by the guest, so there the kernel does it.
LONGEST_END = {2: 400, 3: 60}


@pytest.mark.parametrize("gic", [2, 3])
def test_real_time_clock(boot, tmp_path, gic):
    """Red when the interrupt of a passed-through device does not reach the guest, comes but once because its end does not deactivate it,
    comes again without reason, or exits at its end where the interrupt controller can do without."""
    path = describe(tmp_path, guest("alarm", "alarm", bootargs=f"alarms={ALARMS}", devices="/pl031@9010000"))
    system = boot("--host-cpus", 1, "--gic", gic, "--icount", 0, path)
    line = system.wait_line("alarm", r"alarm: (\d+) set, (\d+) came, (\d+) without reason, (\d+) other interrupts, "
                                     r"longest end of interrupt (\d+) ticks", BOOT)
    assert tuple(map(int, line.groups()[:4])) == (ALARMS, ALARMS, 0, 0), line.group()
    assert int(line.group(5)) < LONGEST_END[gic], line.group()
    system.wait_line("root", "alarm: off")
    system.wait_for_exit()
