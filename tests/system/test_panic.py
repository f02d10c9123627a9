"""What the kernel says when it cannot go on: CPU, reason, registers, backtrace, the build's commit; and the machine ends."""

import re
import subprocess

import pytest

from console import ROOT

KERNEL = ROOT / "build" / "kernel" / "kernel.bin"


def boot(image, gic=3):
    """Everything the kernel prints on a board without anything else, which must switch itself off."""
    command = ["qemu-system-aarch64", "-M", f"virt,virtualization=on,gic-version={gic}", "-cpu", "cortex-a57", "-smp", "2", "-m", "512",
               "-display", "none", "-nodefaults", "-serial", "stdio", "-kernel", str(image)]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)
    return run.stdout.decode()


@pytest.mark.parametrize("gic", [2, 3])
def test_kernel_without_package(gic):
    """Red if a panic loses its reason or remedy, the build, the registers or the backtrace, or does not end the machine."""
    text = boot(KERNEL, gic)
    assert re.search(r"panic: CPU 0, build [0-9a-f]{12}\S*: no package behind the kernel.*bulkhead pack", text), text
    assert re.search(r"esr [0-9a-f]+  elr [0-9a-f]+  far [0-9a-f]+  spsr [0-9a-f]+", text), text
    assert re.search(r"hcr [0-9a-f]+ .*image at [0-9a-f]+", text), text
    assert len(re.findall(r"^ +image\+0x[0-9a-f]+", text, re.M)) >= 2, text


def test_backtrace_names_the_kernel(tmp_path):
    """Red if the addresses of a backtrace are not those of the kernel's ELF file."""
    addresses = re.findall(r"image\+(0x[0-9a-f]+)", boot(KERNEL))
    names = subprocess.run(["llvm-addr2line", "-fie", str(KERNEL.with_suffix(".elf")), *addresses], capture_output=True, text=True, check=True).stdout
    assert "boot_main" in names, names


@pytest.mark.parametrize("bytes_of, reason", [(b"BHCO", "is not a component of this version"), (b"root".ljust(48, b"\0"), "no member \"root\" behind the kernel")])
def test_damaged_root(tmp_path, bytes_of, reason):
    """Red if the kernel starts whatever calls itself root, with the component's magic wrong; or whatever is there, if nothing is called root."""
    packed = tmp_path / "image"
    subprocess.run([str(ROOT / "build" / "bulkhead"), "pack", str(ROOT / "systems" / "demo.dts"), "-o", str(packed)], check=True, capture_output=True)
    data = bytearray(packed.read_bytes())
    place = data.index(bytes_of)
    data[place:place + 4] = b"XXXX"
    packed.write_bytes(data)
    assert reason in boot(packed)
