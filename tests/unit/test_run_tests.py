"""The runner of all parts: limits that fit into what CI may take, and what it says when it is ended."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))
from load_script import load_script  # noqa: E402

run_tests = load_script("run-tests")
CI_MINUTES, BUILD_MINUTES = 90, 5  # what CI may take; of that, at least so much for set-up, downloads and build


def test_limits():
    """Red when the parts that run one after another may together take longer than CI may, or docs/testing.md says other limits."""
    lanes = {}
    for _, lane, minutes in run_tests.PARTS.values():
        lanes[lane] = lanes.get(lane, 0) + minutes
    assert max(lanes.values()) < run_tests.LANE_MINUTES, lanes
    whole = int(re.search(r"^minutes=(\d+)$", (TOP / ".ci/run").read_text(), re.M).group(1))
    assert run_tests.LANE_MINUTES + BUILD_MINUTES <= whole < CI_MINUTES
    told = re.findall(r"^\| `([\w-]+)` \|.*\| (\d+) min \|$", (TOP / "docs/testing.md").read_text(encoding="utf-8"), re.M)
    assert {name: int(minutes) for name, minutes in told} == {name: part[2] for name, part in run_tests.PARTS.items()}


def test_ended(tmp_path):
    """Red when the end of the whole says nothing, counts as passed what did not run, begins another part or leaves one behind."""
    for folder in ("scripts", "build/tests/model"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(TOP / "scripts/run-tests", tmp_path / "scripts")
    model = tmp_path / "build/tests/model/model"
    model.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 300\n")
    model.chmod(0o755)
    runner = subprocess.Popen([sys.executable, tmp_path / "scripts/run-tests", "model", "big-endian"], stdout=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text()):
        assert runner.poll() is None
        time.sleep(0.05)
    runner.send_signal(signal.SIGTERM)
    said, _ = runner.communicate(timeout=60)
    assert runner.returncode == 1
    assert "ended by a signal after 0 minutes, amid model;" in said and "big-endian: it did not begin" in said, said
    assert said.rstrip().endswith("0 passed, 2 failed"), said
    for _ in range(600):
        if not os.path.exists(f"/proc/{int(pid.read_text())}"):
            return
        time.sleep(0.05)
    raise AssertionError("the part that was at work lives on")
