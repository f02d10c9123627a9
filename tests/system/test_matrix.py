"""The machines that SUPPORT.md claims: on each, stock Debian with a vCPU on every processor beside the real-time guest on the last one.

Red when a machine's processors, interrupt controller, timers, UART or RAM are not found or not used rightly, when a CPU does not start, and
when `rt` loses a period to Linux on its own processor. What passed is recorded in build/matrix.json, which SUPPORT.md's table is made of.
"""

import json
import subprocess
import time

import pytest

from console import ROOT
from describe import describe, guest, linux
from neighbour import assert_rt_goes_on
from test_debian import assert_timers_tick

RESULTS = ROOT / "build" / "matrix.json"

PROCESSORS = ["cortex-a35", "cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76", "neoverse-n1", "max"]
TWO_BANKS = ["-object", "memory-backend-ram,id=low,size=512M", "-object", "memory-backend-ram,id=high,size=512M",
             "-numa", "node,memdev=low", "-numa", "node,memdev=high"]

# Seconds that the host may keep a processor of the emulator's waiting: `rt` catches up with what it can only be late for. An interrupt that
# does not come at all ends its lines.
BACKLOG = 120


def virt(cpu, gic, cpus, **other):
    return {"machine": "virt", "cpu": cpu, "gic": gic, "cpus": cpus, "ram": "1 GiB", "memory": "256M", "options": [], **other}


MATRIX = [
    *(virt(cpu, gic, 4) for cpu in PROCESSORS for gic in (2, 3)),
    *(virt("cortex-a57", gic, cpus) for gic in (2, 3) for cpus in (1, 2, 8)),
    *(virt("cortex-a57", 2 + cpus % 2, cpus) for cpus in (3, 5, 6, 7)),
    virt("cortex-a57", 3, 4, ram="1 GiB in two banks", options=["--host-memory", "1G", "--", *TWO_BANKS]),
    virt("cortex-a57", 3, 4, ram="64 GiB, 60 of them Debian's", memory="60G", options=["--host-memory", "64G"]),
    {"machine": "xlnx-zcu102", "cpu": "cortex-a53", "gic": 2, "cpus": 4, "ram": "2 GiB", "memory": "512M", "options": ["--machine", "zcu102"]},
]


def name_of(row):
    return f"{row['machine']}-{row['cpu']}-gicv{row['gic']}-{row['cpus']}cpus-{row['ram'].replace(' ', '').split(',')[0]}"


def recorded():
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def record(row, passed, seconds):
    results = {name: result for name, result in recorded().items() if name in map(name_of, MATRIX)}
    results[name_of(row)] = {key: row[key] for key in ("machine", "cpu", "gic", "cpus", "ram")} | {"passed": passed, "seconds": seconds}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def start(boot, folder, row):
    description = describe(folder, linux("guest", cpus=list(range(row["cpus"])), memory=row["memory"], focus=True),
                           guest("rt", "rt", cpu=row["cpus"] - 1, priority=20, bootargs=f"backlog={BACKLOG}"))
    choice = ["--host-memory", "1G"] if not row["options"] else []
    if row["machine"] == "virt":
        choice += ["--cpu", row["cpu"], "--gic", row["gic"], "--host-cpus", row["cpus"]]
    return boot(*choice, description, *row["options"])


def show(system, row):
    system.wait_for_shell()
    assert system.shell_ok("nproc") == [str(row["cpus"])]
    assert_timers_tick(system, row["cpus"])
    system.wait_line("rt", rf"rt: period 1000 us, GICv{row['gic']},")
    system.send("poweroff\r")
    system.expect("reboot: Power down")
    assert_rt_goes_on(system)
    system.quit()


@pytest.mark.parametrize("row", MATRIX, ids=name_of)
def test_matrix(boot, tmp_path, row):
    begin = time.monotonic()
    record(row, False, 0)
    show(start(boot, tmp_path, row), row)
    record(row, True, round(time.monotonic() - begin))


def test_support_claims_what_the_matrix_showed():
    """Red when SUPPORT.md's table has more, less or other machines than the last matrix; runs after it."""
    done = subprocess.run([ROOT / "scripts/support-table", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
