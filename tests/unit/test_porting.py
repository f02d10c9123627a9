"""docs/porting.md describes each function of kernel/core/arch.h, and none that is gone.

Red when: a function is added to the contract, or removed, and the page is not changed.
"""

import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(TOP, name)) as file:
        return file.read()


def contract():
    text = read("kernel/core/arch.h")
    return set(re.findall(r"\b(arch_\w+|cpu_self|phys_to_ptr|ptr_to_phys)(?=\()", text)) | {"arch_space_format"}


def test_porting_describes_the_contract():
    missing = sorted(contract() - set(re.findall(r"`(\w+)", read("docs/porting.md"))))
    assert not missing, f"docs/porting.md has no row for {', '.join(missing)} of kernel/core/arch.h"


def test_porting_describes_nothing_else():
    rows = set(re.findall(r"^\| .*?(?=\|)", read("docs/porting.md"), re.M))
    named = set(re.findall(r"`(arch_\w+)\(", "\n".join(rows)))
    gone = sorted(named - contract())
    assert not gone, f"docs/porting.md describes {', '.join(gone)}, which kernel/core/arch.h does not have"


def test_host_implements_the_contract():
    folder = os.path.join(TOP, "kernel/arch/host")
    text = "".join(open(os.path.join(folder, f)).read() for f in sorted(os.listdir(folder)))
    missing = sorted(name for name in contract() if not re.search(rf"\b{name}\b", text))
    assert not missing, f"kernel/arch/host lacks {', '.join(missing)}"
