"""Accesses to emulated devices that the processor does not describe: decoded and carried out, or refused, each with its result."""

import time

import pytest

from console import BOOT
from describe import component, describe, guest
from neighbour import assert_rt_goes_on

FORMS = 29


def wait_text(system, name, wanted):
    """As wait_line, but a line may be shown in two parts: a slow guest's is not waited for."""
    until = time.monotonic() + BOOT
    while wanted not in "".join(system.lines(name)):
        assert time.monotonic() < until, system.text()[-3000:]
        system.expect(r"\n", BOOT)  # `rt` has something to say every second


@pytest.mark.parametrize("gic", [2, 3])
def test_forms(boot, tmp_path, gic):
    """Red when a pair, a write-back or a store of one to GICD_SGIR or a doorbell does something else than single loads and stores, when an
    exclusive, atomic, vector, unaligned or page-crossing access ends otherwise than docs/guest-machine.md says, when the instruction is not
    found under tables of 4 or 64 KiB or without any, or when the neighbour loses a period. About 10 s."""
    tables = {"plain": "", "large": "do=tables64", "off": "do=off"}
    path = describe(tmp_path, component("probe", "probe"),
                    *[guest(name, "syndrome", cpu=1, bootargs=text, doorbells="probe") if name == "plain"
                      else guest(name, "syndrome", cpu=1, bootargs=text) for name, text in tables.items()],
                    guest("rt", "rt", cpu=2))
    system = boot("--gic", gic, "--host-cpus", 3, path)
    for name in tables:
        wait_text(system, name, f"syndrome: done, forms: {FORMS}, failures: ")
        wait_text(system, name, f"forms: {FORMS}, failures: 0")
    text = "".join(system.lines("plain"))
    assert "exclusive access (instruction 0x885f7c01) at 0x8000440, not possible in GIC distributor" in text, text
    assert_rt_goes_on(system)
