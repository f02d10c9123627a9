"""The benchmark's own judgement: what exceeds a promise is said, with the functions that grew; how the emulator's log is read."""

import pathlib
import sys
import xml.etree.ElementTree as xml

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))
import benchtable  # noqa: E402
import execlog  # noqa: E402
from load_script import load_script  # noqa: E402


bench = load_script("bench")
BASELINE = {"hvc_null": {"functions": {"kernel:trap_sync": 20, "kernel:answer": 10, "kernel:gone": 5}, "costs": {"msr": 2}}}


def results(p50, **costs):
    return {"a57.gicv3.hvc_null": {"p50": p50, "max": p50, "bare": 10, "functions": {"kernel:trap_sync": 27, "kernel:answer": 10, "kernel:new": 4}, "costs": costs}}


def test_kept_promise():
    """Red when a row on its limit fails."""
    rows = results(100, msr=2)
    assert bench.check_rows(rows, {"bench": {"a57.gicv3": {"hvc_null": {"p50": 100}}}}, BASELINE, {"paths"}) == []
    assert bench.check_costs(rows, {"costs": {"hvc_null": {"msr": 2}}}, BASELINE) == []
    assert rows["a57.gicv3.hvc_null"]["limit"] == 100


def test_exceeded_promise_names_what_grew():
    """Red when one instruction too many passes, or the report leaves out a function that grew."""
    (complaint,) = bench.check_rows(results(101), {"bench": {"a57.gicv3": {"hvc_null": {"p50": 100, "goal": 90}}}}, BASELINE, {"paths"})
    assert complaint[0] == "a57.gicv3.hvc_null: p50 is 101, promised is 100"
    assert complaint[1:] == ["    +7 in kernel:trap_sync: 20 → 27", "    +4 in kernel:new: 0 → 4", "    -5 in other functions"]


def test_promised_row_must_be_measured():
    """Red when a row that vanished from the benchmark is not missed."""
    assert bench.check_rows({}, {"bench": {"a57.gicv3": {"hvc_null": {"p50": 100}}}}, {}, {"ubench", "paths"}) != []


def test_new_costly_operation():
    """Red when a barrier that was not there before passes because nobody listed it."""
    (complaint,) = bench.check_costs(results(100, msr=2, isb=1), {"costs": {"hvc_null": {"msr": 2}}}, BASELINE)
    assert complaint[0].startswith("a57.gicv3.hvc_null: 1 isb") and "    +7 in kernel:trap_sync: 20 → 27" in complaint


def test_other_boards():
    """Red when a row may be more than the factor above the first board's limit."""
    promises = {"boards": {"n1.gicv3": 1.1}, "bench": {"a57.gicv3": {"eoi": {"p50": 10}}}}
    assert bench.check_boards({"n1.gicv3.eoi": {"p50": 11}}, promises) == []
    assert len(bench.check_boards({"n1.gicv3.eoi": {"p50": 12}}, promises)) == 1


def test_other_boards_keep_to_what_the_first_one_does():
    """Red when a row far below its limit may be more than the factor above what was measured on the first board."""
    promises = {"boards": {"n1.gicv3": 1.1}, "bench": {"a57.gicv3": {"eoi": {"p50": 100}}}}
    assert bench.check_boards({"a57.gicv3.eoi": {"p50": 10}, "n1.gicv3.eoi": {"p50": 11}}, promises) == []
    (complaint,) = bench.check_boards({"a57.gicv3.eoi": {"p50": 10}, "n1.gicv3.eoi": {"p50": 12}}, promises)
    assert complaint == ["n1.gicv3.eoi: 12, more than 1.1 × the 10 of a57.gicv3"]


def test_paths_of_other_boards():
    """Red when a row that takes another VM, a device or components is measured on the first board only."""
    others = bench.rows_elsewhere(3)
    assert {"vtimer_wfi_shared", "vm_switch", "device_irq", "multicall16", "portal_round_trip", "signal_same_cpu", "doorbell_other_cpu"} <= set(others)
    assert "hvc_null" not in others and "hvc_null" in bench.rows_elsewhere(2)


def line(cpu, pc, level):
    flags = {0: 0x201, 1: 0x121, 2: 0x261}[level]
    return b"Trace %d: 0x7f3b60000100 [0000000000004000/%016x/%08x/ff020201] \n" % (cpu, pc, flags)


def stopped(pc):
    return b"Stopped execution of TB chain before 0x7f3b600385c0 [%016x] \n" % pc


LOG = [line(0, 0x100, 1), line(0, 0x104, 1), line(0, 0x400, 2), stopped(0x400), line(0, 0x400, 2), line(1, 0x404, 2), stopped(0x408), line(0, 0x10c, 1)]


def test_log_counts_each_instruction_once():
    """Red when what the emulator begins anew counts twice, or another CPU's notice takes an instruction away."""
    assert [(s.cpu, s.level, s.pc) for s in execlog.steps(LOG)] == [(0, 1, 0x100), (0, 1, 0x104), (0, 2, 0x400), (1, 2, 0x404), (0, 1, 0x10c)]


def test_path_begins_after_the_first_read_and_ends_with_the_second():
    """Red when a path is longer or shorter than what the guest's clock says."""
    marks = {(1, 0x100): ["row:eoi"], (1, 0x104): ["before"], (1, 0x10c): ["after"]}
    recorder = execlog.Recorder(marks, {"eoi": ("before", "after")}).read(LOG)
    assert [step.pc for step in recorder.median("eoi")] == [0x400, 0x404, 0x10c]


def test_marks_are_of_one_level():
    """Red when a guest's address is taken for the kernel's: they are not translated alike."""
    marks = {(2, 0x100): ["row:eoi"], (1, 0x104): ["before"], (1, 0x10c): ["after"]}
    assert execlog.Recorder(marks, {"eoi": ("before", "after")}).read(LOG).median("eoi") is None


def test_pictures(tmp_path):
    """Red when a path that was measured is in no picture, or a picture leaves out a peer, or what is promised."""
    rows = {name for _, names in benchtable.PICTURES.values() for name in names}
    assert rows == set(benchtable.ROWS) - {"eoi", "multicall16_kick", "vtimer_wfi_noise", *benchtable.RATIOS}
    results = {f"a57.gicv3.{name}": {"p50": 1234567, "max": 1234567, "goal": 100} for name in rows}
    files = benchtable.draw(tmp_path, results)
    assert len(files) == len(benchtable.PICTURES)
    drawn = "".join(element.text or "" for file in files for element in xml.parse(tmp_path / file).iter())
    assert drawn.count("1,234,567") == drawn.count("Bulkhead") == len(rows)
    for name, values in benchtable.read_peers().items():
        if name in rows:
            assert name in drawn and all(f"{values[peer]:,}" in drawn for peer in benchtable.PEERS if peer in values), name
    assert benchtable.draw(tmp_path, {"a57.gicv3.hvc_null": {"p50": 73, "max": 73}}) == ["paths-exits.svg"]
