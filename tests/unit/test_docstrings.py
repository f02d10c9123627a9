"""Each function that a header declares for others stands below a comment, alone or as one of a group.

Red when: a header of components/, include/, tools/ or kernel/core/ declares a function, or has one inline, and says nothing about it.
"""

import glob
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# C's own functions.
KNOWN = {"components/lib/string.h", "include/freestanding/string.h", "include/freestanding/stdlib.h"}
FUNCTION = re.compile(r"(?:static inline |_Noreturn |extern )*[a-z][\w \*]*?\b\**(\w+)\([^;{]*(\)|,)(?: __attribute__\(.*\))?;?$")


def headers():
    found = []
    for pattern in ("components/*/*.h", "include/**/*.h", "tools/*.h", "kernel/core/**/*.h"):
        found += glob.glob(os.path.join(TOP, pattern), recursive=True)
    return sorted(path for path in found if os.path.relpath(path, TOP) not in KNOWN)


def declared(line):
    """The function that the line declares or begins, if it does."""
    match = FUNCTION.fullmatch(line) if not line.startswith(("typedef", "return", "#", " ")) else None
    return match.group(1) if match else None


def is_explained(lines, number):
    """Above it, or above what it directly follows, ends a comment. Inline functions follow each other with an empty line between them."""
    at = number - 1
    while at >= 0 and (declared(lines[at]) or lines[at].startswith("  ") or lines[at] in ("{", "}") or (not lines[at] and lines[at - 1] == "}")):
        at -= 1
    return at >= 0 and lines[at].rstrip().endswith("*/")


def test_headers_explain_their_functions():
    silent, count = [], 0
    for path in headers():
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        for number, line in enumerate(lines):
            if declared(line):
                count += 1
                if not is_explained(lines, number):
                    silent.append(f"{os.path.relpath(path, TOP)}:{number + 1}: {declared(line)}")
    assert count > 400, count
    assert not silent, "functions without a word about them:\n" + "\n".join(silent)
