"""The board's device tree as QEMU makes it, changed by tests."""

import subprocess


def board_tree(folder, change):
    """Path of a tree for QEMU's -dtb: that of `virt` with GICv3, two CPUs and 1 GiB, its source as `change` returns it."""
    plain, source, tree = folder / "plain.dtb", folder / "board.dts", folder / "board.dtb"
    subprocess.run(["qemu-system-aarch64", "-M", f"virt,virtualization=on,gic-version=3,dumpdtb={plain}", "-cpu", "cortex-a57", "-smp", "2",
                    "-m", "1024M", "-nodefaults", "-display", "none"], check=True, capture_output=True, timeout=60)
    text = subprocess.run(["dtc", "-q", "-O", "dts", plain], check=True, capture_output=True, text=True, timeout=60).stdout
    source.write_text(change(text))
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", tree, source], check=True, timeout=60)
    return tree
