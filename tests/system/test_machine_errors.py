"""Memory and devices that answer with an error: a board's tree that names a device where the board has nothing, given to a VM."""

import re

import pytest

from board import board_tree
from console import BOOT
from describe import describe, guest
from neighbour import assert_rt_goes_on

HOLE = 0xB800000
NODE = """
/ {
    hole@b800000 {
        compatible = "test,hole";
        reg = <0 0xb800000 0 0x1000>;
    };
};
"""


@pytest.mark.parametrize("cpu", ["cortex-a57", "max"])
def test_external_abort(boot, tmp_path, cpu):
    """Red when an access that the board answers with an error reaches anybody but the guest that made it: the kernel panics, another VM loses
    a period, or the guest gets no abort. QEMU 7.2 hands external aborts to the guest even where HCR_EL2.TEA asks for them; a processor with RAS would
    bring them to the monitor, which ends the VM."""
    path = describe(tmp_path, guest("wild", "wild", cpu=1, bootargs="do=hole,undefined", devices="/hole@b800000"), guest("rt", "rt", cpu=0),
                    guest("beside", "rt", cpu=1, priority=20))
    system = boot("--host-cpus", 2, "--host-memory", "1G", "--gic", 3, "--cpu", cpu, path, "--", "-dtb", board_tree(tmp_path, lambda text: text + NODE))
    system.wait_line("wild", "wild: done", BOOT)
    taken = [match.groups() for match in (re.match(r"wild: exception of class (\w+) at pc \w+, address (\w+)", line)
                                          for line in system.lines("wild")) if match]
    assert [int(n, 16) for n in taken[0]] == [0x25, HOLE], taken
    assert int(taken[1][0], 16) == 0, taken
    assert_rt_goes_on(system)
    assert_rt_goes_on(system, "beside")
