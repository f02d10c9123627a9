"""Rights and revocation on the real machine: components/rights, packed in root's place, tries every call (some 5 s in all)."""

import re
import subprocess

import pytest

from console import BOOT, ROOT
from describe import component, describe, guest
from stand_in import build_folder

# Instructions that a thread may be late because of a removal on its CPU: a step, and the way out and in again.
LATEST = 12000
# Removal in the table of docs/assurance.md: as components/rights/steps.c calls it. What stands there may be so far from what is measured.
REMOVALS = {
    "10,000 capabilities in one table": "revoking 10000 capabilities",
    "a chain of 100": "revoking a chain of 100",
    "a partition that holds 10,000": "destroying a partition with 10000 capabilities",
    "1 MiB to be scrubbed": "scrubbing 1 MiB",
    "50 mappings of 1 MiB by pages": "unmapping 50 times 1 MiB",
}
NEAR = 0.2


def run(boot, tmp_path, *arguments):
    """All that it says. Nothing of the description is ever started; there is so much of it because root's kernel memory depends on it."""
    nodes = [guest("rt", "rt"), *(component(f"c{i}", "crash") for i in range(16)), *(guest(f"g{i}", "rt") for i in range(12))]
    system = boot("--build-dir", build_folder(tmp_path, "rights"), "--host-memory", "5G", *arguments, describe(tmp_path, *nodes))
    system.expect("rights: the subject ended: class 1, ", BOOT)
    system.wait_for_exit()
    return system.text().replace("\r\n", "\n")


def assert_refused(text):
    """Three times all rows, with all that was made given back."""
    rows = re.findall(r"^rights: (\d+) rows, (\d+) calls refused as documented$", text, re.M)
    assert len(rows) == 3 and len(set(rows)) == 1 and int(rows[0][0]) > 150 and int(rows[0][1]) > 900, rows
    before, after = re.search(r"rights: kernel memory free before (\d+), after (\d+)", text).groups()
    assert before == after


@pytest.mark.parametrize("gic", [2, 3])
def test_rights_and_revocation(boot, tmp_path, gic):
    """Red when a call answers another status than components/rights/checks.h documents to a component that lacks a right, or that names a
    wrong slot or value; when what was refused left something; and when a component or a guest on another CPU gets at a page, by store, load
    or fetch, after CALL_CAP_REVOKE has returned, or ends otherwise than by a fault at that page."""
    text = run(boot, tmp_path, "--host-cpus", 2, "--gic", gic)
    assert_refused(text)
    for way in ("store", "load", "fetch"):
        for holder in ("holders", "guests"):
            assert f"rights: 50 {holder} lost their page amid a {way}\n" in text, text
    assert "after revocation" not in text, text


def documented_removals():
    """Removal → (instructions in all, latest by), in the table of docs/assurance.md."""
    page = (ROOT / "docs" / "assurance.md").read_text(encoding="utf-8")
    table = page.split("| removal | instructions in all | latest by |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (.*?) \| ([\d,]+) \| ([\d,]+)", table, re.M)
    return {REMOVALS[name]: tuple(int(n.replace(",", "")) for n in figures) for name, *figures in rows}


def test_steps(boot, tmp_path):
    """Red when taking back 10,000 capabilities, a chain of 100, a MiB to be scrubbed, many mappings or a partition keeps a thread of higher
    priority on the same CPU waiting for longer than a step, or otherwise than docs/assurance.md says."""
    text = run(boot, tmp_path, "--host-cpus", 1, "--icount", 0)
    assert_refused(text)
    latest, ticks, wakes = {}, {}, {}
    for often, what, *figures in re.findall(r"^steps: (often, )?(.*?): (\d+) ticks, interrupted (\d+) times, latest by (\d+)$", text, re.M):
        taken, times, late = map(int, figures)
        latest[what] = max(late, latest.get(what, 0))
        if not often:
            ticks[what], wakes[what] = taken, times
    assert len(latest) == 7 and len(ticks) == 7, latest
    assert all(late < LATEST for late in latest.values()), latest
    assert wakes["revoking 10000 capabilities"] >= 20, wakes
    assert latest["revoking 10000 capabilities"] < 2000 and latest["revoking a chain of 100"] < 2000, latest
    documented = documented_removals()
    assert set(documented) == set(REMOVALS.values())
    wrong = {what: (ticks[what], latest[what]) for what, figures in documented.items()
             for figure, found in zip(figures, (ticks[what], latest[what])) if abs(found - figure) > NEAR * figure}
    assert not wrong, f"measured, and docs/assurance.md says otherwise: {wrong}"


def test_rights_table():
    """Red when docs/rights.md is not what the shipped systems say when they run: somebody holds more, less or something else."""
    done = subprocess.run([ROOT / "scripts" / "rights-table", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_call_costs():
    """Red when a call costs half again what docs/interface.md says, or has no cost there."""
    done = subprocess.run([ROOT / "scripts" / "call-costs", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
