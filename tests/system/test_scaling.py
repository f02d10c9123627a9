"""How costs depend on how much there is of something: the part of `make bench-full` that takes a second."""

import subprocess

from console import ROOT


def test_objects():
    """Red when an exit, a change of VM, an interrupt or a look-up costs more because there are more VMs, lines, capabilities or memory; when removing
    takes more than in proportion to what is removed, or keeps interrupts out for long."""
    done = subprocess.run([ROOT / "scripts" / "bench-full", "--check", "objects"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
