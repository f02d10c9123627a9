"""The documents: what is generated is up to date, links lead somewhere, figures promised are those that are checked."""

import re
import subprocess
import tomllib

import pytest

from console import ROOT
from benchtable import short

PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not any(part in ("build", ".git") for part in path.relative_to(ROOT).parts)
)


def prose(page):
    """The page without code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page):
    """What GitHub makes of headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_interface_is_what_the_headers_say():
    done = subprocess.run([ROOT / "scripts/interface-doc", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_guest_registers_are_what_the_kernel_is_driven_by():
    done = subprocess.run([ROOT / "scripts/register-doc", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page)) + re.findall(r'(?:src|href)="([^"]+)"', prose(page))
    for target in targets:
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), f"{page.relative_to(ROOT)}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(to), f"{page.relative_to(ROOT)}: {target}: no such heading"


def rows_with_tests(page):
    """(section, last cell) of each row of a page's tables whose last column is "test"."""
    section, header, rows = None, None, []
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    for line, following in zip(lines, [*lines[1:], ""]):
        if line.startswith("## "):
            section = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
        if cells and header is None:
            assert following.startswith("|---"), f"{page}, {section}: a row outside of a table: {line}"
            header = cells
        elif cells and header[-1] == "test" and not cells[-1].startswith("---"):
            rows.append((section, cells[-1]))
        header = header if cells else None
    return rows


def source_of(name):
    """The file of `test_x.py`, `test_x.c`, `test_x` or `fuzz_x`; None: there is none."""
    for folder in ("tests/system", "tests/unit", "tests/fuzz"):
        for suffix in ("", ".py", ".c"):
            if (ROOT / folder / (name + suffix)).is_file():
                return ROOT / folder / (name + suffix)
    return None


def wrong_references(cell):
    """What the cell names and is not there. `file::function`; a function alone is of the file named last."""
    wrong, text = [], ""
    for reference in re.findall(r"`([^`]+)`", cell):
        file, _, function = re.sub(r"\[.*\]$", "", reference).partition("::")
        if not re.fullmatch(r"((test|fuzz)_\w+(\.py|\.c)?)?", file):
            continue
        source = source_of(file) if file else None
        if source:
            text = source.read_text(encoding="utf-8")
        elif file and not function:
            function = file
        elif file:
            wrong.append(reference)
        if function and not re.search(rf"\b{re.escape(function)}\(", text):
            wrong.append(reference)
    return wrong


def assert_names_tests(page, section, cell):
    assert not wrong_references(cell), f"{page}, {section}: no such test: {wrong_references(cell)} in: {cell}"
    named = re.search(r"`(test|fuzz)_|`make |`scripts/|^the same\b", cell)
    assert named or re.search(r"\bby (reading|hand|construction)\b", cell), f"{page}, {section}: no test in: {cell}"


@pytest.mark.parametrize("page, at_least", [("docs/assurance.md", 100), ("docs/guest-machine.md", 25)])
def test_tables_name_tests_that_exist(page, at_least):
    """Red when a row names no test, or one that there is not."""
    rows = rows_with_tests(page)
    assert len(rows) >= at_least, f"{page}: where are its tables?"
    for section, cell in rows:
        assert_names_tests(page, section, cell)


def test_guest_machine_names_tests_of_its_chapters():
    """Red when a line `Tests: …` of a chapter names one that there is not."""
    lines = re.findall(r"\bTests?: (.*)", (ROOT / "docs/guest-machine.md").read_text(encoding="utf-8"))
    assert len(lines) >= 8
    for line in lines:
        assert_names_tests("docs/guest-machine.md", "Tests:", line)


@pytest.mark.parametrize("cell", ["`test_gone.py`", "`test_gone`", "`test_docs.py::test_gone`", "`test_docs.py`: `test_gone`", "`fuzz_gone`"])
def test_assurance_would_not_name_others(cell):
    assert wrong_references(cell)


def test_testing_names_every_file_of_tests():
    page = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
    for folder in ("tests/system", "tests/unit"):
        for path in (ROOT / folder).glob("test_*"):
            assert re.search(rf"`{path.stem}(\{path.suffix})?`", page), f"docs/testing.md does not say what {folder}/{path.name} covers"


def test_specification_promises_what_is_checked():
    promises = tomllib.loads((ROOT / "bench/promises.toml").read_text(encoding="utf-8"))
    page = (ROOT / "SPECIFICATION.md").read_text(encoding="utf-8")
    for row, promised in promises["bench"]["a57.gicv3"].items():
        limit = next(promised[column] for column in ("p50", "max", "ratio") if column in promised)
        assert re.search(rf"^\| `{row}` .* \| ≤ {re.escape(short(limit))} \|", page, re.M), f"{row}: SPECIFICATION.md is not up to date: `make spec`"
    for limit in (limit for limit in promises["size"].values() if isinstance(limit, int)):
        assert f"| ≤ {limit:,} |" in page, "SPECIFICATION.md is not up to date: `make spec`"
    for name, limit in promises["debian"].items():
        assert f"(`debian.{name}`) | ≤ {limit} |" in page, f"debian.{name}: SPECIFICATION.md is not up to date: `make spec`"
