"""kernel/core/ knows no architecture: neither by name (comments included), nor by concepts that only one has, nor by what it includes.

Red when: somebody writes `#ifdef __aarch64__`, "the GIC", "EL2" … in kernel/core/, or has a `virtual_interface`, an `interrupt_version` or a limit
of 1020 there, or includes a header of one architecture other than through arch.h.
"""

import glob
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORE = os.path.join(TOP, "kernel/core")

# Words of one architecture or of its firmware. Between word boundaries that also end at `_` and digits: HCR_EL2, __aarch64__, gicv3.
NAMES = re.compile(
    r"(?<![a-z])(aarch(32|64)|armv?[789]?|neon|sve|gic[vdrch]?[1-4]?|el[0-3]|hcr|vttbr|vtcr|sctlr|cptr|cpacr|cnt[pv]ct|cntv|cntp|ttbr[01]?|tcr|mair|"
    r"esr|far|hpfar|elr|spsr|mpidr|midr|vgic|its|lpi|spi|ppi|sgi|smmu(v3)?|smc|smccc|hvc|svc|psci|wfi|wfe|"
    r"x86|amd64|i[3-6]86|svm|vmx|vmcs|vmcb|ept|npt|cr[0348]|msr|apic|x2apic|ioapic|cpuid|vmcall|vmmcall|"
    r"riscv|rv64|sbi|hgatp|vsatp|plic|aplic|imsic|"
    r"s390x?|powerpc|ppc(64)?|power9|mips(64)?|loongarch|sparc)(?![a-z0-9])",
    re.IGNORECASE,
)
# Concepts of one interrupt controller, of one way to nest translations, and their numbers, in whatever spelling: gicv, `list registers`, IRQ_MAX = 1020.
CONCEPTS = re.compile(
    r"(virtual|cpu|hyp(ervisor)?)[-_ ]interface|interrupt[-_ ]version|(re)?distributors?|list[-_ ]registers?|system[-_ ]registers?|exception[-_ ]level|"
    r"stage[-_ ]?[12]|(?<![a-z])(intid|eoir?|iar|lr|ipa|vmid|asid|gpa|vpid|eptp)s?(?![a-z])|"
    r"(?<![\dx])(1019|1020|1023)(?![\d])",
    re.IGNORECASE,
)
# English words that the pattern also matches when they stand in a sentence.
ENGLISH = {"its", "far", "arm", "arms"}
HEADERS = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
COMPILER = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h"}


def sources():
    return sorted(glob.glob(CORE + "/**/*.[chS]", recursive=True))


def names_in(text):
    """(line number, word) of each architecture's name."""
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, match.group(0)) for match in CONCEPTS.finditer(line))
        for match in NAMES.finditer(line):
            before, word = line[: match.start()], match.group(0)
            prose = word.lower() in ENGLISH and not word.isupper() and not before.endswith("_") and not line[match.end() :].startswith("_")
            if not prose:
                yield number, word


def test_core_names_no_architecture():
    found = [f"{os.path.relpath(path, TOP)}:{n}: {word}" for path in sources() for n, word in names_in(open(path).read())]
    assert not found, "kernel/core/ is portable; what is one architecture's belongs behind arch.h:\n" + "\n".join(found)


def test_the_pattern_finds_what_it_should():
    for text in ("#ifdef __aarch64__", "the GIC's", "gicv3", "at EL2", "HCR_EL2.TGE", "VTTBR", "an x86 CPU", "__riscv", "s390x", "SMCCC", "/* WFI */", "FAR_EL2", "_ARM_",
                 "platform.virtual_interface", "interrupt_version", "EXTENT_VIRTUAL_INTERFACE", "IRQ_MAX = 1020", "list registers", "a VMID", "stage-2", "an INTID"):
        assert list(names_in(text)), text
    for text in ("its own table", "as far as", "charm", "parameter", "panel1", "level 2", "itself", "elsewhere", "spin", "interrupts", "0x1020", "1 << 10", "a clear interface"):
        assert not list(names_in(text)), text


def test_core_includes_architecture_only_through_arch_h():
    found = []
    for path in sources():
        for kind, header in HEADERS.findall(open(path).read()):
            where = f"{os.path.relpath(path, TOP)}: {header}"
            if kind == '"':
                # Relative to the file itself or to kernel/core/, and never out of it.
                candidates = [os.path.normpath(os.path.join(base, header)) for base in (os.path.dirname(path), CORE)]
                if not any(c.startswith(CORE + os.sep) and os.path.exists(c) for c in candidates):
                    found.append(where)
            elif header == "arch_types.h":
                if os.path.basename(path) != "arch.h":
                    found.append(where + " (only arch.h includes it)")
            elif header.startswith("bulkhead/"):
                if header.count("/") != 1 or not os.path.exists(os.path.join(TOP, "include", header)):
                    found.append(where)
            elif header not in COMPILER:
                found.append(where)
    assert not found, "headers that the portable kernel must not depend on:\n" + "\n".join(found)


def test_core_tests_no_predefined_macro():
    """No `#if` in kernel/core/ but include guards and fallbacks: no variants but those behind arch.h."""
    found = []
    for path in sources():
        for n, line in enumerate(open(path).read().splitlines(), 1):
            if re.match(r"\s*#\s*(if|elif)", line) and not re.match(r"#ifndef (CORE_\w+_H|__FILE_NAME__|BUILD_COMMIT)$", line):
                found.append(f"{os.path.relpath(path, TOP)}:{n}: {line.strip()}")
    assert not found, "\n".join(found)
