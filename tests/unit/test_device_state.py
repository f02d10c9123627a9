"""Each device model of the monitor has its state in one structure of plain data, and one function that resets it, at start and at each restart: whoever replaces
a monitor under a living guest copies these structures and nothing else.

Red when: a `struct NAME_state` gets a pointer, a capability or a type whose size is the compiler's; a device's source keeps something changeable beside it; a state is
set as a whole in another function than its reset; reset.c does not reset one.
"""

import os
import re

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VMM = os.path.join(TOP, "components/vmm")

# Beside their state: what the description says and the restarted VM is told again, places where the monitor has mapped something, locks.
BESIDE = {
    "flash_banks.c": {"banks": "contents, sizes, and whether the guest's space maps them; the state is flash_state within"},
    "fw_cfg.c": {},
    "gicd.c": {"gic_version": "by the description", "gic_cpus": "by the description"},
    "gicr.c": {"frames": "by the description"},
    "pl011.c": {"queue": "where the console is mapped"},
    "pl011_page.c": {"page": "where it is mapped", "extent": "the capability for it"},
    "pl031.c": {},
    "virtio_entropy.c": {"queue": "where the rings are, which vq_start finds by state and record", "window": "where the guest's memory is mapped"},
    "virtio_front.c": {"fronts": "which devices there are; their backends"},
    "virtio_mmio.c": {},
    "virtio_remote.c": {"remotes": "where the links are mapped, and drivers' signals"},
}

# Of states, where the monitor shares them with others.
SHARED = "../../include/bulkhead/virtio_link.h"


def read(name):
    with open(os.path.join(VMM, name), encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


def sources(suffix):
    return sorted(name for name in os.listdir(VMM) if name.endswith(suffix))


def structures():
    """Name → members' text, of all structures in headers."""
    return {name: body for header in sources(".h") + [SHARED] for name, body in re.findall(r"\bstruct (\w+) \{\n(.*?)\n\}", read(header), re.S)}


STRUCTURES = structures()
STATES = sorted(name for name in STRUCTURES if name.endswith("_state"))


def members(name):
    """(type, names) of each declaration, those of structures within it, too."""
    for line in filter(None, map(str.strip, STRUCTURES[name].split(";"))):
        kind, names = re.match(r"((?:struct )?\w+)\s+(.*)", line, re.S).groups()
        if kind.startswith("struct "):
            yield from members(kind[len("struct "):])
        else:
            yield kind, names


def functions(text):
    """Name → body."""
    return dict(re.findall(r"^\w[^\n;={]*?\b(\w+)\([^;{]*\)\n\{\n(.*?)^\}", text, re.M | re.S))


def test_there_are_states():
    assert {"pl011_state", "pl031_state", "gicd_state", "gicr_state", "psci_state", "flash_state", "fw_cfg_state",
            "virtio_front_state", "virtio_mmio_state", "virtio_entropy_state"} == set(STATES)


@pytest.mark.parametrize("name", STATES)
def test_plain_data(name):
    for kind, names in members(name):
        assert re.fullmatch(r"u?int(8|16|32|64)_t", kind) and "*" not in names, f"struct {name}: `{kind} {names}` means nothing to another monitor"


@pytest.mark.parametrize("name", STATES)
def test_one_reset(name):
    """The state is set as a whole in one function, which reset.c calls, itself or by one of the functions in its table."""
    found, bodies = set(), {}
    for source in sources(".c"):
        text = read(source)
        variables = re.findall(rf"^static struct {name} (\w+)\b", text, re.M)
        bodies.update(functions(text))
        found |= {function for function, body in functions(text).items()
                  if f"= (struct {name})" in body or any(f"memset(&{variable}," in body for variable in variables)}
    assert len(found) == 1, f"struct {name} is set as a whole in {', '.join(sorted(found)) or 'no function'}"
    reset = found.pop()
    table = re.split(r",\s+", re.search(r"resets\[\]\)\(void\) = \{(.*?)\}", read("reset.c"), re.S).group(1))
    assert any(function == reset or f"{reset}(" in bodies[function] for function in table), f"reset.c does not call {reset}"


@pytest.mark.parametrize("source", BESIDE)
def test_nothing_beside(source):
    variables = re.findall(r"^static (?!const\b)((?:struct )?\w+) (\*?\w[^;=(]*?)(?: = [^;]*)?;", read(source), re.M)
    for pointer, name in re.findall(r"^static const (\w[^;=(]*\*)(\w+);", read(source), re.M):
        variables.append((pointer, name))
    names = {re.sub(r"[*\[].*?$|^\*", "", name.strip().lstrip("*")) for kind, names in variables for name in names.split(",")
             if kind != "struct lock" and not kind.endswith("_state")}
    assert names == set(BESIDE[source]), f"{source} keeps {', '.join(sorted(names ^ set(BESIDE[source])))} beside its device's state"
