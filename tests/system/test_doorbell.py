"""Doorbells: a guest's store wakes a component, and the component's answer interrupts the guest."""

import pytest

from console import BOOT
from describe import component, describe, guest

RINGS = 1000


@pytest.mark.parametrize("gic", [2, 3])
def test_doorbell(boot, tmp_path, gic):
    """Red when a ring or its answer is lost, comes twice or reaches another VM, whether the component runs on the ringing VM's CPU
    (here) or on another one (there), and when a doorbell without a device-tree node cannot be found by its guest."""
    path = describe(tmp_path, component("probe", "probe", cpu=1), guest("here", "ringer", cpu=1, bootargs=f"rings={RINGS}", doorbells="probe"),
                    guest("there", "ringer", cpu=0, bootargs=f"rings={RINGS}", doorbells="probe"), guest("mute", "ringer", cpu=0))
    system = boot("--host-cpus", 2, "--gic", gic, path)
    system.wait_line("root", "no VM runs any more", BOOT)
    for name in ("here", "there"):
        line = system.wait_line(name, r"ringer: rang (\d+) times: (\d+) answers one by one, (\d+) at once, (\d+) other interrupts")
        rang, one_by_one, at_once, others = map(int, line.groups())
        assert (rang, one_by_one, others) == (RINGS, RINGS, 0), line.group()
        assert 1 <= at_once <= RINGS, line.group()
        system.wait_line("probe", rf"{name} rang 512 times")
    system.wait_line("mute", "ringer: no doorbell in the device tree")
    system.wait_for_exit()
