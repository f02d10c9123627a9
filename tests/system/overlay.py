"""An initrd with more in it: the kernel unpacks archives that follow one another, the later over the earlier."""

import gzip
import importlib.machinery
import importlib.util
import stat

from console import ROOT
from describe import DEBIAN


def _make_initrd():
    loader = importlib.machinery.SourceFileLoader("make_initrd", str(ROOT / "scripts" / "make-initrd"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_initrd", loader))
    loader.exec_module(module)
    return module


def initrd_with(folder, programs):
    """Debian's initrd of the tests with these programs (name in the root directory → file)."""
    archive = _make_initrd().Archive()
    for name, source in programs.items():
        with open(source, "rb") as f:
            archive.add(name, stat.S_IFREG | 0o755, f.read())
    archive.add("TRAILER!!!", 0)
    path = folder / "initrd.gz"
    path.write_bytes((DEBIAN / "initrd.gz").read_bytes() + gzip.compress(bytes(archive.data), mtime=0))
    return path
