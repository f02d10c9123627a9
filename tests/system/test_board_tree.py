"""What the firmware's device tree says of the RAM is kept to: QEMU's own tree, with reservations put in."""

from board import board_tree
from console import BOOT
from describe import describe, guest

RESERVED_FROM = 0x50000000  # to the end of RAM, where VMs would lie otherwise: the first half by a memory reservation, the second by a node

RESERVED = """/memreserve/ 0x50000000 0x18000000;
/ {
    reserved-memory {
        #address-cells = <2>;
        #size-cells = <2>;
        ranges;
        firmware@68000000 {
            reg = <0 0x68000000 0 0x18000000>;
        };
    };
};
"""


def with_reservations(text):
    reservation, node = RESERVED.split("\n", 1)
    return text.replace("/dts-v1/;", f"/dts-v1/;\n{reservation}", 1) + node


def test_reservations(boot, tmp_path):
    """Red when a VM gets memory that the firmware keeps."""
    path = describe(tmp_path, guest("large", "rt", memory="64M", bootargs="seconds=2"), guest("small", "rt", cpu=1, bootargs="seconds=2"))
    system = boot("--host-cpus", 2, "--host-memory", "1G", path, "--", "-dtb", board_tree(tmp_path, with_reservations))
    for name, size in (("large", 64), ("small", 16)):
        base = int(system.wait_line("root", rf"{name}: 1 vCPUs, {size} MiB at 0x([0-9a-f]+)", BOOT).group(1), 16)
        assert base + size * 0x100000 <= RESERVED_FROM, f"{name} at {base:#x}"
        system.wait_line(name, "rt: 2 s: ", BOOT)
    system.wait_for_exit(BOOT)
