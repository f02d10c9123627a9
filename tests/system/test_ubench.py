"""The micro-benchmark runs to its end in a VM: each operation works. What it costs is `make bench`'s affair."""

import re

import pytest

from console import BOOT, ROOT

ROWS = ("cntfrq boot_ticks boot_phys empty hvc_null hvc_unknown smc_psci smc_trap sysreg_idreg gicd_typer_rd gicd_isenabler_wr gicd_isenabler_line "
        "uart_fr_rd sgi_self eoi vtimer_spin vtimer_wfi_50us vtimer_wfi_1ms vtimer_traploop ipi_spin ipi_wfi first_touch_64mib "
        "cpu_loop memory_loop").split()


@pytest.mark.parametrize("gic", [2, 3])
def test_ubench(boot, gic):
    system = boot("--kernel", ROOT / "build/guests/ubench", "--memory", "128M", "--cpus", 2, "--host-cpus", 2, "--gic", gic,
                  "--icount", 0)
    system.expect(r"\| done\r", BOOT)
    lines = system.lines("guest")
    assert f"# ubench: GICv{gic}, PSCI by HVC, 2 CPU(s), by the device tree" in lines
    rows = {line.split()[0]: line.split()[1:] for line in lines if re.match(r"\w+ (\d|fault)", line)}
    assert [name for name in rows if name in ROWS] == ROWS, lines
    assert [name for name in rows if rows[name][0] == "fault" and name != "smc_trap"] == []
    assert rows["cntfrq"][1] == "1000000000"
    assert rows["empty"][1] == "3"


def test_noise_beside_latency(boot, tmp_path):
    """A neighbour that keeps memory and traps busy, on a CPU of its own, takes nothing from the timer's guest."""
    description = tmp_path / "noise.dts"
    vm = '%s { compatible = "bulkhead,vm"; kernel = "%s"; memory = "16M"; cpus = <%d>; };'
    images = ROOT / "build/guests"
    description.write_text("/dts-v1/;\n/ {\n compatible = \"bulkhead,system\";\n" +
                           vm % ("measured", images / "ubench-latency", 0) + "\n" + vm % ("noise", images / "ubench-noise", 1) +
                           "\n};\n")
    system = boot("--host-cpus", 2, "--icount", 0, description)
    system.expect(r"\| done\r", 4 * BOOT)
    rows = [line.split() for line in system.lines("measured") if line.startswith("vtimer_")]
    assert len(rows) == 40 and all(row[-1] == "100" for row in rows), rows
