"""Fixtures of the system tests."""

import re

import pytest

from console import System


@pytest.fixture
def boot(request):
    """boot(*arguments of `bulkhead run`) starts a system, which ends with the test. Its output: build/test-logs/TEST.log."""
    systems = []

    def start(*arguments):
        name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
        if systems:
            name += f"-{len(systems) + 1}"
        systems.append(System(name, *arguments))
        return systems[-1]

    yield start
    for system in systems:
        system.end()
