"""An initrd with more in it: the kernel unpacks archives that follow one another, the later over the earlier."""

import gzip
import stat

from console import ROOT
from describe import DEBIAN
from load_script import load_script


def initrd_with(folder, programs):
    """Debian's initrd of the tests with these programs (name in the root directory → file)."""
    archive = load_script("make-initrd").Archive()
    for name, source in programs.items():
        with open(source, "rb") as f:
            archive.add(name, stat.S_IFREG | 0o755, f.read())
    archive.add("TRAILER!!!", 0)
    path = folder / "initrd.gz"
    path.write_bytes((DEBIAN / "initrd.gz").read_bytes() + gzip.compress(bytes(archive.data), mtime=0))
    return path
