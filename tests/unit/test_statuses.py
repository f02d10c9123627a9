"""The comment of each call names every status that the kernel's source may answer it with: the page docs/interface.md is made of these comments.

Red when: a function that carries a call out, or one that it calls, gets a `STATUS_…` which <bulkhead/call.h> does not mention there. Only source is looked at, so a status that cannot
come by that way stands in IMPOSSIBLE with the reason.
"""

import glob
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADERS = ["include/bulkhead/call.h", "include/bulkhead/aarch64/call.h"]
# What every call that names a capability, or makes something, may answer: the page says so once. There is no such call: no comment to stand in.
ALWAYS = {"OK", "CAP", "RIGHTS", "MEMORY", "CALL"}
# Functions that answer somebody else's call, or nobody's.
OTHERS = {"thread_answer", "thread_poke", "thread_fault", "vcpu_exit", "vcpu_abandon", "vcpu_detach", "binding_raise", "signal_deliver", "cpu_run_on", "cpu_reschedule", "object_destroy_step"}
# Those that share a function, which has another name.
SHARED = {"CALL_VCPU_WAIT": "call_vcpu_enter", "CALL_VIRQ_SET": "virq_access", "CALL_VIRQ_GET": "virq_access"}
# One assignment in the switch that leads to the others, and STATUS_OK.
ASSIGNED = {"CALL_VM_SGI_ADDRESS"}
IMPOSSIBLE = {
    ("CALL_THREAD_STOP", "DEAD"): "of the portal's callers, whose server it was",
    ("CALL_VCPU_CREATE", "LIMIT"): "one page is mapped, and one is the limit given",
    ("CALL_MULTICALL_PAGE", "LIMIT"): "likewise",
}


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def functions():
    """Name → body, without comments."""
    found = {}
    for pattern in ("core/*.[ch]", "core/sched/*.[ch]", "arch/aarch64/call.c", "arch/aarch64/vgic*.c", "arch/aarch64/vcpu.c"):
        for path in glob.glob(os.path.join(TOP, "kernel", pattern)):
            text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
            found.update(re.findall(r"^[A-Za-z][^\n;={]*?\b(\w+)\([^;{]*\)\n\{\n(.*?)^\}", text, re.M | re.S))
    return found


BODIES = functions()


def statuses(name, seen):
    """Of the function and all that it calls."""
    if name in seen or name in OTHERS or name not in BODIES:
        return set()
    seen.add(name)
    found = set(re.findall(r"\bSTATUS_(\w+)", BODIES[name]))
    return found.union(*(statuses(called, seen) for called in re.findall(r"\b(\w+)\(", BODIES[name])))


def calls():
    """(name, comment) of each."""
    for header in HEADERS:
        for comment, name in re.findall(r"/\*((?:(?!\*/).)*?)\*/\s*(CALL_\w+)(?:\s*=\s*\w+)?,", read(header), re.S):
            yield name, comment


def carried_out_by(name):
    plain = name[len("CALL_"):].lower()
    return [function for function in (f"call_{plain}", f"quick_{plain}", plain, SHARED.get(name)) if function in BODIES]


def test_each_call_is_found():
    missing = [name for name, _ in calls() if name not in ASSIGNED and not carried_out_by(name)]
    assert not missing, f"no function carries out {', '.join(missing)}: correct carried_out_by()"


def test_comments_name_each_status():
    wrong, unused = [], set(IMPOSSIBLE)
    for name, comment in calls():
        found = set().union(*(statuses(function, set()) for function in carried_out_by(name))) - ALWAYS
        silent = {status for status in found if not re.search(rf"\b(STATUS_)?{status}\b", comment)}
        unused -= {(name, status) for status in silent}
        wrong += [f"{name} may answer STATUS_{status}" for status in sorted(silent) if (name, status) not in IMPOSSIBLE]
    assert not wrong, "the comments do not say so: " + ", ".join(wrong)
    assert not unused, f"take out of IMPOSSIBLE: {unused}"
