"""docs/porting.md describes each function of kernel/core/arch.h, what its answer means, and none that is gone; and each function of the core that architectures use.

Red when: a function is added to the contract, removed, or begins to answer something, or an architecture begins to use something of the core, and the page is not changed.
"""

import glob
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


def test_porting_says_what_answers_mean():
    """Of each function that answers yes or no, what that means: else a port that always says no looks right."""
    rows = {name: row for row in re.findall(r"^\| .*$", read("docs/porting.md"), re.M) for name in re.findall(r"`(arch_\w+)\(", row.split(" | ")[0])}
    asked = re.findall(r"^bool (arch_\w+)\(", read("kernel/core/arch.h"), re.M)
    silent = [name for name in asked if not re.search(r"\b[Tt]rue\b|\b[Ff]alse\b|\?", rows[name])]
    assert asked and not silent, f"docs/porting.md does not say what the answer of {', '.join(silent)} means"


def of_the_core():
    """Functions and data that the core's headers declare, but for arch.h."""
    found = set()
    for path in glob.glob(os.path.join(TOP, "kernel/core/**/*.h"), recursive=True):
        if os.path.basename(path) != "arch.h":
            text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
            found |= set(re.findall(r"^[a-z_][\w \*]*?\b(\w+)\((?=[a-z])", text, re.M)) | set(re.findall(r"^extern .*?(\w+)(?:\[.*)?;", text, re.M))
    return found


def test_porting_names_what_architectures_use_of_the_core():
    used = set()
    for path in glob.glob(os.path.join(TOP, "kernel/arch/*/*.[chS]")):
        used |= set(re.findall(r"\b\w+\b", re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)))
    assert len(of_the_core()) > 80
    missing = sorted((of_the_core() & used) - set(re.findall(r"\b\w+\b", read("docs/porting.md"))))
    assert not missing, f"docs/porting.md does not name {', '.join(missing)}, which kernel/arch/ uses of kernel/core/"


def test_host_implements_the_contract():
    folder = os.path.join(TOP, "kernel/arch/host")
    text = "".join(open(os.path.join(folder, f)).read() for f in sorted(os.listdir(folder)))
    missing = sorted(name for name in contract() if not re.search(rf"\b{name}\b", text))
    assert not missing, f"kernel/arch/host lacks {', '.join(missing)}"
