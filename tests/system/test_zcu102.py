"""The other board: QEMU's xlnx-zcu102, whose UART is a Cadence one. That it boots and powers off is a row of test_matrix.py."""

import hashlib

from console import BOOT
from describe import describe, guest, linux
from neighbour import assert_rt_goes_on

LINES = 20  # at once: some FIFOs full
LINE = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
SUM = hashlib.md5("".join(f"{n} {LINE}\n" for n in range(LINES)).encode()).hexdigest()


def test_uart_loses_nothing(boot, tmp_path):
    """Red when the Cadence driver drops, doubles or reorders bytes in either direction, or stops when its FIFO is full; and when a reboot of
    Linux disturbs `rt`. Backlog: see test_matrix.py."""
    system = boot("--machine", "zcu102", describe(tmp_path, linux("guest", cpus=[1, 2], focus=True),
                                                  guest("rt", "rt", cpu=3, priority=20, bootargs="backlog=120")))
    system.wait_for_shell()
    assert system.shell_ok("seq 5000", timeout=BOOT) == [str(n) for n in range(1, 5001)]
    system.in_foreground("md5sum")
    system.send("".join(f"{n} {LINE}\r" for n in range(LINES)))
    system.expect(f"{LINES - 1} {LINE}")
    system.send("\x04")
    system.expect(SUM)
    system.send("reboot\r")
    system.wait_for_shell()
    assert_rt_goes_on(system)
    system.quit()
