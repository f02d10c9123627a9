"""Rights and revocation on the real machine: components/rights, packed in root's place, tries every call (some 5 s in all)."""

import re
import subprocess

import pytest

from console import BOOT, ROOT
from describe import component, describe, guest
from stand_in import build_folder

# Instructions that a thread may be late because of a removal on its CPU: a step, and the way out and in again. docs/assurance.md says what was measured.
LATEST = 12000


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


def test_steps(boot, tmp_path):
    """Red when taking back 10,000 capabilities, a chain of 100, a MiB to be scrubbed, many mappings or a partition keeps a thread of higher
    priority on the same CPU waiting for longer than a step."""
    text = run(boot, tmp_path, "--host-cpus", 1, "--icount", 0)
    assert_refused(text)
    latest = {what: (int(times), int(late)) for what, times, late in
              re.findall(r"^steps: (.*?): \d+ ticks, interrupted (\d+) times, latest by (\d+)$", text, re.M)}
    assert len(latest) == 7, latest
    assert all(late < LATEST for _, late in latest.values()), latest
    assert latest["revoking 10000 capabilities"][0] >= 20, latest
    assert latest["revoking 10000 capabilities"][1] < 2000 and latest["revoking a chain of 100"][1] < 2000, latest


def test_rights_table():
    """Red when docs/rights.md is not what the shipped systems say when they run: somebody holds more, less or something else."""
    done = subprocess.run([ROOT / "scripts" / "rights-table", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_call_costs():
    """Red when a call costs half again what docs/interface.md says, or has no cost there."""
    done = subprocess.run([ROOT / "scripts" / "call-costs", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
