"""The documents: what is generated is up to date, links lead somewhere, figures promised are those that are checked."""

import re
import subprocess
import tomllib

import pytest

from console import ROOT

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


def test_specification_promises_what_is_checked():
    promises = tomllib.loads((ROOT / "bench/promises.toml").read_text(encoding="utf-8"))
    page = (ROOT / "SPECIFICATION.md").read_text(encoding="utf-8")
    limits = {f"{board}.{row}": limit["p50"] for board, rows in promises["bench"].items() for row, limit in rows.items()}
    for key, limit in limits.items():
        assert f"(`{key}`) | ≤ {limit:,} |" in page, f"{key}: SPECIFICATION.md is not up to date: `make spec`"
    for limit in promises["size"].values():
        assert f"| ≤ {limit:,} |" in page, "SPECIFICATION.md is not up to date: `make spec`"
    assert f"(`debian.boot`) | ≤ {promises['debian']['boot_ratio']} |" in page
