"""The host command: what it says about descriptions, what it writes, how it would start QEMU. Nothing boots here."""
import gzip
import os
import pathlib
import pty
import re
import shlex
import signal
import struct
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("BULKHEAD", ROOT / "build" / "bulkhead"))
PAGE = 4096
SYSTEM = '/dts-v1/;\n/ {\n    compatible = "bulkhead,system";\n%s\n};\n'
VM = """    %(name)s {
        compatible = "bulkhead,vm";
        kernel = "image";
        memory = "%(memory)s";
        cpus = <%(cpus)s>;
        %(more)s
    };"""


def make_image(size, total=None):
    """An arm64 Image of `size` bytes that says it needs `total`."""
    header = struct.pack("<IIQQQ24s4sI", 0x14000010, 0, 0, total or size, 0xA, b"", b"ARM\x64", 0)
    return header + bytes(range(256)) * ((size - 64) // 256) + b"\x5a" * ((size - 64) % 256)


def make_component(name):
    body = name.encode() * 1000
    return struct.pack("<IIQQQQ", 0x4F434842, 1, 0x100000, PAGE, 40 + len(body), 2 * PAGE) + body


@pytest.fixture
def place(tmp_path):
    """A directory with a build directory of fakes and one kernel called `image`."""
    build = tmp_path / "build"
    (build / "kernel").mkdir(parents=True)
    (build / "components").mkdir()
    (build / "kernel" / "kernel.bin").write_bytes(make_image(5 * PAGE))
    for name in ("root", "vmm", "uart", "probe", "blk"):
        (build / "components" / f"{name}.bin").write_bytes(make_component(name))
    (tmp_path / "image").write_bytes(make_image(10000, 1 << 20))
    return tmp_path


def vm(name="a", memory="16M", cpus="0", more=""):
    return VM % {"name": name, "memory": memory, "cpus": cpus, "more": more}


# As whom file permissions hold for root as well.
WITHOUT_OVERRIDE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def run_tool(place, *arguments, environment=None, cwd=None, through=()):
    command = [str(TOOL), *map(str, arguments)]
    if "--help" not in arguments and "--build-dir" not in arguments and len(arguments) > 1:
        command[2:2] = ["--build-dir", str(place / "build")]
    return subprocess.run([*through, *command], capture_output=True, text=True, timeout=60, cwd=cwd,
                          env={**os.environ, **(environment or {})}, check=False)


def check(place, *parts, arguments=(), through=()):
    (place / "s.dts").write_text(SYSTEM % "\n".join(parts))
    return run_tool(place, "check", place / "s.dts", *arguments, through=through)


def assert_error(place, result, line, *words):
    """Exit status 1 and one error, in that line of s.dts, with these words."""
    assert result.returncode == 1, result.stderr
    errors = [text for text in result.stderr.splitlines() if ": error: " in text]
    assert len(errors) == 1, result.stderr
    assert errors[0].startswith(f"{place}/s.dts:{line}: error: "), errors[0]
    for word in words:
        assert word in errors[0], errors[0]


# The command line.


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["pack", "--help"], ["run", "--help"]])
def test_help_goes_to_standard_output(place, arguments):
    result = run_tool(place, *arguments)
    assert result.returncode == 0 and result.stdout.startswith("Usage: bulkhead") and result.stderr == ""


@pytest.mark.parametrize("arguments", [
    [], ["fly"], ["check"], ["check", "a", "b"], ["check", "--wrong", "a"], ["check", "--host-cpus", "9", "a"],
    ["pack", "a"], ["pack", "-o"], ["run"], ["run", "a", "--kernel", "b"], ["run", "a", "--cpus", "2"],
    ["run", "--kernel", "b", "--gic", "4"], ["run", "--kernel", "b", "--icount", "auto"], ["run", "--kernel", "b", "--gdb", "0"],
    ["run", "--kernel", "b", *["--disk", "c"] * 5], ["run", "a", "--disk", "c"], ["run", "--kernel", "b", "--disk"], ["run", "--kernel", "b", "--cpus", "0"], ["run", "--kernel", "b", "--host-memory", "12"]])
def test_wrong_command_lines_are_usage_errors(place, arguments):
    result = run_tool(place, *arguments)
    assert result.returncode == 2, result.stderr
    assert "error: " in result.stderr and "--help" in result.stderr


# check: what is right.


def test_good_description(place):
    result = check(place, vm("a"), vm("b", cpus="1 1", more="focus; priority = <40>;"))
    assert result.returncode == 0 and result.stderr == "" and "no errors" in result.stdout


def test_vms_of_equal_rights_are_fine(place):
    assert check(place, vm("a", cpus="3"), vm("b", cpus="3")).returncode == 0


def test_everything_at_once(place):
    (place / "initrd").write_bytes(b"070701")
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", place / "t.dtb"], input=b"/dts-v1/; / { };", check=True)
    more = """initrd = "initrd"; dtb = "t.dtb"; bootargs = ""; priority = <1>; on-reset = "stop"; on-crash = "restart";
              doorbells = "p", "q"; devices = "/pl031@9010000";"""
    component = '%s { compatible = "bulkhead,component"; image = "probe"; cpu = <3>; priority = <50>; };'
    result = check(place, vm(more=more), component % "p", component % "q", 'u { compatible = "bulkhead,uart"; cpu = <1>; };')
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["demo", "linux", "two-rt"])
def test_shipped_descriptions_lack_files_at_most(place, name):
    result = run_tool(place, "check", ROOT / "systems" / f"{name}.dts")
    for line in result.stderr.splitlines():
        assert "No such file or directory" in line, line


# check: mistakes, each with its line. The root node opens in line 2; a VM, in line 4: compatible 5, kernel 6, memory 7, cpus 8.


@pytest.mark.parametrize("line, words, parts", [
    (9, ["memry", "unknown property", "memory"], dict(more='memry = "1G";')),
    (7, ["multiple of 2M"], dict(memory="3M")),
    (7, ["multiple of 2M"], dict(memory="0M")),
    (7, ["K, M or G"], dict(memory="512")),
    (7, ["K, M or G"], dict(memory="-2M")),
    (7, ["K, M or G"], dict(memory="99999999999999999999G")),
    (7, ["at most 512G"], dict(memory="4000000000G")),
    (8, ["no CPU 4", "host has 4"], dict(cpus="0 4")),
    (8, ["from 0 to 7", "not 8"], dict(cpus="8 0")),
    (8, ["1 to 8"], dict(cpus="0 1 2 3 0 1 2 3 0")),
    (8, ["1 to 8"], dict(cpus="")),
    (9, ["1 to 40", "not 41"], dict(more="priority = <41>;")),
    (9, ["1 to 40", "not 0"], dict(more="priority = <0>;")),
    (9, ["one number"], dict(more='priority = "high";')),
    (9, ["no value"], dict(more="focus = <1>;")),
    (9, ['"restart" or "stop"'], dict(more='on-reset = "explode";')),
    (9, ["nobody", "bulkhead,component"], dict(more='doorbells = "nobody";')),
    (9, ["different names"], dict(more='doorbells = "x", "x";')),
    (9, ["full path"], dict(more='devices = "pl031";')),
    (9, ["one string"], dict(more='bootargs = "a", "b";')),
    (9, ["one string"], dict(more="initrd = <1>;")),
    (9, ["unknown node", "its disks"], dict(more="inner { };")),
    (4, ["a-z"], dict(name="A")),
    (4, ["at most 15"], dict(name="abcdefghijklmnop")),
    (4, ["a-z"], dict(name="a@1")),
])
def test_mistake_in_a_vm(place, line, words, parts):
    result = check(place, vm(**parts))
    assert_error(place, result, line, *words)


@pytest.mark.parametrize("line, words, text", [
    (4, ["unknown node", "bulkhead,vm"], "thing { };"),
    (5, ["compatible must be"], 'thing {\ncompatible = "acme,vm"; };'),
    (4, ['no property "kernel"', "add kernel"], 'a { compatible = "bulkhead,vm"; memory = "2M"; cpus = <0>; };'),
    (4, ["unknown property"], 'model = "x";'),
    (4, ["from 41 to 50"], 'p { compatible = "bulkhead,component"; image = "probe"; priority = <40>; };'),
    (4, ["no component", "nothere"], 'p { compatible = "bulkhead,component"; image = "nothere"; };'),
    (4, ["started by Bulkhead itself"], 'p { compatible = "bulkhead,component"; image = "root"; };'),
    (4, ["one name"], 'p { compatible = "bulkhead,component"; image = "../root"; };'),
    (5, ["second"], 'u { compatible = "bulkhead,uart"; };\nv { compatible = "bulkhead,uart"; };'),
    (4, ["no other VM or component", "nobody"], 'p { compatible = "bulkhead,component"; image = "probe"; manages = "nobody"; };'),
    (4, ["no other VM or component"], 'p { compatible = "bulkhead,component"; image = "probe"; manages = "uart", "p"; };'),
    (4, ["different names"], 'p { compatible = "bulkhead,component"; image = "probe"; manages = "uart", "uart"; };'),
    (4, ["milliseconds"], 'p { compatible = "bulkhead,component"; image = "probe"; restart-delay = <2 1>; };'),
    (4, ["milliseconds"], 'u { compatible = "bulkhead,uart"; restart-delay = <1>; };'),
    (4, ["up to 3600000"], 'u { compatible = "bulkhead,uart"; restart-delay = <1 3600001>; };'),
    (4, ["from 0 to 1000000"], 'u { compatible = "bulkhead,uart"; restart-limit = <1000001>; };'),
    (4, ["no CPU 5"], 'u { compatible = "bulkhead,uart"; cpu = <5>; };'),
])
def test_mistake_beside_a_vm(place, line, words, text):
    good = vm("good").replace("\n", " ")
    properties = text if text.startswith("model") else ""
    nodes = "" if properties else text
    result = check(place, properties + nodes + "\n" + good)
    assert_error(place, result, line, *words)


# check: disks. The VM is one line, 4; the driver's node begins in line 5.


def disk_vm(*disks, name="a"):
    nodes = "".join('d%d { compatible = "bulkhead,disk"; %s };' % (i, text) for i, text in enumerate(disks))
    return vm(name, more=nodes).replace("\n", " ")


def blk(name="blk0", device="/virtio_mmio@a000000", more="dma-trusted;"):
    return '%s { compatible = "bulkhead,blk"; device = "%s"; %s };' % (name, device, more)


FROM = 'driver = "blk0";'
ONE, TWO = FROM + " partition = <1>;", FROM + " partition = <2>;"


def test_good_disks(place):
    """Two writers of different partitions, two readers of one; the driver has what a component has. What no SMMU covers is said."""
    (place / "disk.img").write_bytes(bytes(1 << 20))
    more = """dma-trusted; image = "disk.img"; cpu = <3>; priority = <50>; on-crash = "stop"; restart-delay = <1 2>; restart-stable = <3>;
              restart-limit = <4>;"""
    result = check(place, disk_vm(ONE, FROM + "partition = <3>; read-only; bounce;"), disk_vm(TWO, FROM + "partition = <3>; read-only;", name="b"),
                   blk(more=more), 'p { compatible = "bulkhead,component"; image = "probe"; manages = "blk0"; };')
    assert result.returncode == 0, result.stderr
    assert [line.split(": ")[1:4] for line in result.stderr.splitlines()] == [["warning", "dma-trusted", 'no SMMU covers "/virtio_mmio@a000000"']]
    assert "partition 3, read-only" in result.stdout


@pytest.mark.parametrize("line, words, text", [
    (4, ["there is no driver", "blk1", "bulkhead,blk"], [disk_vm('driver = "blk1";'), blk()]),
    (4, ["there is no driver", "p"], [disk_vm('driver = "p";'), blk(), 'p { compatible = "bulkhead,component"; image = "probe"; };']),
    (4, ['no property "driver"'], [disk_vm("read-only;"), blk()]),
    (4, ["name of one driver"], [disk_vm('driver = "blk0", "blk1";'), blk()]),
    (4, ["/a/d0", "partition", "from 1 to 128", "not 0"], [disk_vm(FROM + "partition = <0>;"), blk()]),
    (4, ["/a/d0", "unknown property", "bounce"], [disk_vm(FROM + 'file = "x";'), blk()]),
    (4, ["/a/d0", "no value"], [disk_vm(FROM + "read-only = <1>;"), blk()]),
    (4, ["/a/d0/inner", "unknown node"], [disk_vm(FROM + "inner { };"), blk()]),
    (4, ["a-z"], [disk_vm(FROM).replace("d0", "D0"), blk()]),
    (4, ["at most 8"], [disk_vm(*[FROM + "read-only;"] * 9), blk()]),
    (4, ["15 doorbells and disks"], [vm(more="doorbells = %s;" % ", ".join(f'"p{i}"' for i in range(14)) + "d0 { compatible = \"bulkhead,disk\"; %s };" % ONE +
                                       "d1 { compatible = \"bulkhead,disk\"; %s };" % TWO).replace("\n", " "), blk(),
                                    *['p%d { compatible = "bulkhead,component"; image = "probe"; };' % i for i in range(14)]]),
    (4, ["/a/d1", "/a/d0 writes to partition 1", "read-only"], [disk_vm(ONE, ONE), blk()]),
    (5, ["/b/d0", "/a/d0 writes to partition 1"], [disk_vm(ONE), disk_vm(ONE, name="b"), blk()]),
    (5, ["/b/d0", "/a/d0 writes to partition 1"], [disk_vm(ONE), disk_vm(FROM, name="b"), blk()]),
    (5, ["/b/d0", "/a/d0 writes to the whole disk"], [disk_vm(FROM), disk_vm(TWO, name="b"), blk()]),
    (5, ["/b/d0", "/a/d0 writes to partition 1", "both read-only"], [disk_vm(ONE), disk_vm(ONE + "read-only;", name="b"), blk()]),
    (5, ["/b/d0", "/a/d0 reads the whole disk"], [disk_vm(FROM + "read-only;"), disk_vm(TWO, name="b"), blk()]),
    (5, ["dma-trusted", "no SMMU covers", "Add dma-trusted"], [disk_vm(FROM), blk(more="")]),
    (5, ['no property "device"'], [disk_vm(FROM), 'blk0 { compatible = "bulkhead,blk"; dma-trusted; };']),
    (5, ["full path"], [disk_vm(FROM), blk(device="virtio_mmio@a000000")]),
    (5, ["unknown property", "device, dma-trusted"], [disk_vm(FROM), blk(more='dma-trusted; arguments = "x";')]),
    (5, ["from 41 to 50"], [disk_vm(FROM), blk(more="dma-trusted; priority = <40>;")]),
    (5, ["no CPU 4"], [disk_vm(FROM), blk(more="dma-trusted; cpu = <4>;")]),
    (5, ["inner", "unknown node"], [disk_vm(FROM), blk(more="dma-trusted; inner { };")]),
    (6, ["one owner", '"blk0"'], [disk_vm(FROM), blk(), blk("blk1")]),
    (6, ["share a page", '"/virtio_mmio@a000000"', '"blk0"'], [disk_vm(FROM), blk(), blk("blk1", "/virtio_mmio@a000e00")]),
    (5, ["one owner", 'VM "a"'], [vm(more='devices = "/virtio_mmio@a000000";').replace("\n", " "), blk()]),
    (4, ["no component", "blk0"], [vm(more='doorbells = "blk0";').replace("\n", " "), blk()]),
])
def test_mistake_with_a_disk(place, line, words, text):
    assert_error(place, check(place, *text), line, *words)


def test_seventeen_disks_of_one_driver(place):
    disks = [FROM + "read-only;"] * 6
    assert_error(place, check(place, disk_vm(*disks), disk_vm(*disks, name="b"), disk_vm(*disks[:5], name="c"), blk()), 6, "at most 16")


def test_driver_that_was_not_built(place):
    (place / "build" / "components" / "blk.bin").unlink()
    assert_error(place, check(place, disk_vm(FROM), blk()), 5, 'driver "blk" is missing', "make")


@pytest.mark.parametrize("content, words", [
    (None, ["no such file", "truncate"]),
    (b"", ["is empty"]),
    (b"x" * 1000, ["no multiple of 512"]),
    (b"QFI\xfb" + bytes(508), ["qcow2", "qemu-img convert"]),
])
def test_disk_images_that_are_none(place, content, words):
    if content is not None:
        (place / "disk.img").write_bytes(content)
    result = check(place, disk_vm(FROM), blk(more='dma-trusted; image = "disk.img";'))
    assert_error(place, result, 5, f"image: {place}/disk.img: ", *words)


def test_disk_image_that_is_a_directory(place):
    assert_error(place, check(place, disk_vm(FROM), blk(more='dma-trusted; image = "build";')), 5, "neither a file nor a block device")


def test_disk_image_without_permissions(place):
    image = place / "disk.img"
    image.write_bytes(bytes(512))
    for mode, disk, word in ((0o444, FROM, "may not be written"), (0o444, FROM + "read-only;", None), (0o222, FROM + "read-only;", "may not be read")):
        image.chmod(mode)
        result = check(place, disk_vm(disk), blk(more='dma-trusted; image = "disk.img";'), through=WITHOUT_OVERRIDE)
        if word:
            assert_error(place, result, 5, word)
        else:
            assert result.returncode == 0, result.stderr


def test_disk_image_for_two_drivers(place):
    """A file that is written to has one user; readers may share it."""
    (place / "disk.img").write_bytes(bytes(512))
    image = 'dma-trusted; image = "disk.img";'
    drivers = [blk(more=image), blk("blk1", "/virtio_mmio@a001000", image)]
    assert_error(place, check(place, disk_vm(FROM, 'driver = "blk1"; read-only;'), *drivers), 6, "that of", "blk0")
    assert check(place, disk_vm(FROM + "read-only;", 'driver = "blk1"; read-only;'), *drivers).returncode == 0


def test_disk_image_behind_another_device(place):
    (place / "disk.img").write_bytes(bytes(512))
    assert_error(place, check(place, disk_vm(FROM), blk(device="/soc/mmc@1000", more='dma-trusted; image = "disk.img";')), 5, "virtio_mmio@a000000")


def test_description_without_vm(place):
    assert_error(place, check(place, ""), 2, "no VM")


def test_other_tree(place):
    (place / "s.dts").write_text('/dts-v1/;\n/ {\n compatible = "linux,dummy-virt"; };\n')
    assert_error(place, run_tool(place, "check", place / "s.dts"), 3, "bulkhead,system")


def test_two_vms_with_focus(place):
    assert_error(place, check(place, vm("a", more="focus;"), vm("b", more="focus;")), 16, "focus", '"a"')


def test_device_with_two_owners(place):
    device = 'devices = "/pl031@9010000";'
    assert_error(place, check(place, vm("a", more=device), vm("b", more=device)), 16, "one owner")


def test_too_many_vms(place):
    assert_error(place, check(place, *[vm(f"v{i}") for i in range(17)]), 4 + 16 * 7, "at most 16")


def test_all_mistakes_are_named(place):
    result = check(place, vm("a", memory="3M", more="focus = <1>;"), vm("b", cpus="7"))
    assert [int(n) for n in re.findall(r"s\.dts:(\d+): error", result.stderr)] == [7, 9, 15]


def test_lines_in_included_files(place):
    (place / "sub").mkdir()
    (place / "sub" / "part.dtsi").write_text('\n\npriority = <99>;\ninitrd = "none";\n')
    result = check(place, vm(more='/include/ "sub/part.dtsi"'))
    assert f"{place}/sub/part.dtsi:3: error: /a: priority" in result.stderr
    assert f"part.dtsi:4: error: initrd: {place}/sub/none: No such file" in result.stderr


def test_strings_that_look_like_annotations(place):
    result = check(place, vm(more='bootargs = "x; /* y:1:2-3:4 */ {"; label: priority = <99>;'))
    assert_error(place, result, 9, "priority")


def test_merged_nodes(place):
    (place / "s.dts").write_text(SYSTEM % ("l:" + vm()) + "&l {\n  priority = <99>;\n};\n")
    assert_error(place, run_tool(place, "check", place / "s.dts"), 13, "priority")


def test_relative_path_of_the_description(place):
    (place / "s.dts").write_text(SYSTEM % vm(more='initrd = "no";'))
    result = run_tool(place, "check", "s.dts", cwd=place)
    assert result.stderr.startswith("s.dts:9: error: initrd: no: No such file")


@pytest.mark.parametrize("text, line, words", [
    ("/dts-v1/;\n/ {\n a = ;\n};\n", 3, ["syntax error"]),
    ("/dts-v1/;\n/ {\n a { };\n a { };\n};\n", 4, ["Duplicate node name"]),
    ("/dts-v1/;\n/ {\n a { x; x; };\n};\n", 3, ["Duplicate property name"]),
])
def test_syntax_errors(place, text, line, words):
    (place / "s.dts").write_text(text)
    assert_error(place, run_tool(place, "check", place / "s.dts"), line, *words)


def test_missing_include(place):
    (place / "s.dts").write_text('/dts-v1/;\n/include/ "nowhere.dtsi"\n')
    result = run_tool(place, "check", place / "s.dts")
    assert result.returncode == 1 and "nowhere.dtsi" in result.stderr and "s.dts: error" in result.stderr


def test_descriptions_that_are_no_source(place):
    for path in (place / "none.dts", place):
        result = run_tool(place, "check", path)
        assert result.returncode == 1 and f"{path}: error: " in result.stderr
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", place / "t.dtb"], input=b"/dts-v1/; / { };", check=True)
    assert "compiled already" in run_tool(place, "check", place / "t.dtb").stderr


# check: files.


def make_elf(machine=183, bits=2, order=1, physical=0x40080000, size=0x1000):
    ident = b"\x7fELF" + bytes([bits, order, 1]) + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, physical, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, physical, physical, 120, size, 4096)


def make_zimage(kernel):
    """A 32-bit Arm zImage that says that it decompresses to `kernel` bytes, to 32 KiB behind RAM's start."""
    header = struct.pack("<9I4sIII4sI", *[0xE1A00000] * 9, b"\x18\x28\x6f\x01", 0, 96, 0x04030201, b"EEEE", 64)
    return header.ljust(64, b"\0") + struct.pack("<I4sIII", 5, b"KLSZ", 84, 0, 0x8000) + struct.pack("<III", kernel, 0, 0)


@pytest.mark.parametrize("content", [
    make_image(4096), gzip.compress(make_image(70000)), make_elf(), make_zimage(4096), b"\x00\x00\x00\x14" * 100,
])
def test_bootable_kernels(place, content):
    (place / "image").write_bytes(content)
    result = check(place, vm())
    assert result.returncode == 0 and result.stderr == "", result.stderr


@pytest.mark.parametrize("content, words", [
    (b"", ["empty"]),
    (b"\x1f\x8b\x08", ["damaged gzip"]),
    (gzip.compress(b"hello" * 100), ["holds no arm64 Image"]),
    (make_elf(machine=62), ["another processor"]),
    (make_elf(bits=1), ["32-bit ELF"]),
    (make_elf(order=2), ["big-endian"]),
    (make_elf(physical=0x80000), ["below RAM"]),
    (make_elf()[:80], ["truncated"]),
    (b"\xeb\x3c" + bytes(0x200) + b"HdrS" + bytes(99), ["x86 bzImage"]),
    (b"\x01" * 0x24 + b"\x18\x28\x6f\x01" + bytes(99), ["32-bit Arm zImage", "big-endian or older"]),
    (b"\x27\x05\x19\x56" + bytes(99), ["uImage"]),
    (b"MZ\x00\x00zimg" + bytes(99), ["self-decompressing EFI"]),
    (b"\xfd7zXZ\x00" + bytes(99), ["xz"]),
    (b"070701" + bytes(99), ["initrd"]),
])
def test_kernels_that_cannot_boot(place, content, words):
    (place / "image").write_bytes(content)
    assert_error(place, check(place, vm()), 6, "kernel: ", *words)


@pytest.mark.parametrize("content, words", [(b"This is text\n" * 9, "looks like text"), (bytes(100), "does not begin with an instr")])
def test_suspicious_kernels_are_warned_about(place, content, words):
    (place / "image").write_bytes(content)
    result = check(place, vm())
    assert result.returncode == 0 and "s.dts:6: warning: " in result.stderr and words in result.stderr


def test_missing_kernel(place):
    (place / "image").unlink()
    assert_error(place, check(place, vm()), 6, "No such file or directory", "correct the path")


def test_kernel_is_directory(place):
    (place / "image").unlink()
    (place / "image").mkdir()
    assert_error(place, check(place, vm()), 6, "is a directory")


def test_unreadable_kernel(place):
    (place / "image").chmod(0)
    assert_error(place, check(place, vm(), through=WITHOUT_OVERRIDE), 6, "Permission denied", "chmod")


@pytest.mark.parametrize("content", [make_image(4096, 17 << 20), gzip.compress(make_image(4096, 17 << 20)), make_elf(size=17 << 20),
                                     make_zimage(17 << 20)])
def test_memory_too_small_for_the_kernel(place, content):
    (place / "image").write_bytes(content)
    assert_error(place, check(place, vm()), 7, "too small", "need 18M")


def test_too_much_memory_for_a_32_bit_kernel(place):
    (place / "image").write_bytes(make_zimage(4096))
    assert check(place, vm(memory="3G")).returncode == 0
    assert_error(place, check(place, vm(memory="3074M")), 7, "memory: ", "at most 3G for a 32-bit kernel")


def test_memory_too_small_with_initrd(place):
    (place / "initrd").write_bytes(bytes(15 << 20))
    assert_error(place, check(place, vm(more='initrd = "initrd";')), 7, "too small")


@pytest.mark.parametrize("content, words", [(b"/dts-v1/;\n/ { };", "compile it"), (b"\xd0\x0d\xfe\xed" + bytes(99), "damaged")])
def test_bad_guest_tree(place, content, words):
    (place / "t.dtb").write_bytes(content)
    assert_error(place, check(place, vm(more='dtb = "t.dtb";')), 9, words)


# check: firmware. It brings its own idea of what a kernel is.


FIRMWARE = """    a {
        compatible = "bulkhead,vm";
        firmware = "image";
        memory = "16M";
        cpus = <0>;
        %s
    };"""


def test_firmware(place):
    (place / "vars").write_bytes(b"v")
    (place / "anything").write_bytes(b"\xfd7zXZ\x00" + bytes(99))
    result = check(place, FIRMWARE % 'flash = "vars"; kernel = "anything";')
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert pack(place, FIRMWARE % 'flash = "vars"; kernel = "anything";').returncode == 0
    members = read_package((place / "out").read_bytes())
    assert members["a/firmware"] == (place / "image").read_bytes() and members["a/flash"] == b"v" and "a/kernel" in members
    os.truncate(place / "vars", 64 << 20)
    command = dry_run(place, "--firmware", place / "image", "--flash", place / "vars", "--memory", "512M")
    assert int(option(command, "-m").rstrip("M")) >= 512 + 64 + 64  # RAM, the bank, the file


@pytest.mark.parametrize("content, words", [(b"", "is empty"), (make_elf(), "flat binary"), (None, "larger than 64M")])
def test_bad_firmware(place, content, words):
    if content is None:
        os.truncate(place / "image", (64 << 20) + 1)
    else:
        (place / "image").write_bytes(content)
    assert_error(place, check(place, FIRMWARE % ""), 6, "firmware: ", words)


@pytest.mark.parametrize("line, words, text", [
    (9, "No such file", 'flash = "none";'), (9, "one string", "flash = <1>;"), (9, "No such file", 'kernel = "none";')])
def test_mistake_beside_firmware(place, line, words, text):
    assert_error(place, check(place, FIRMWARE % text), line, words)


def test_flash_without_firmware(place):
    assert_error(place, check(place, vm(more='flash = "image";')), 9, "only a VM with firmware", "add firmware")


def test_host_cpus(place):
    assert check(place, vm(cpus="7"), arguments=["--host-cpus", "8"]).returncode == 0
    assert_error(place, check(place, vm(cpus="1"), arguments=["--host-cpus", "1"]), 8, "no CPU 1")


def test_colours_only_on_a_terminal(place):
    assert "\033" not in check(place, vm(memory="3M")).stderr
    for environment, colours in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        reader, writer = pty.openpty()
        clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        subprocess.run([TOOL, "check", place / "s.dts"], stderr=writer, env={**clean, **environment}, check=False)
        assert (b"\033[" in os.read(reader, 10000)) == colours
        os.close(reader)
        os.close(writer)


# pack.


def read_package(data):
    size = struct.unpack_from("<Q", make_image(5 * PAGE), 16)[0]
    magic, version, count, _, total = struct.unpack_from("<IIIIQ", data, size)
    assert (magic, version) == (0x4B504842, 1) and total % PAGE == 0 and size + total == len(data)
    members, end = {}, 24 + count * 64
    for i in range(count):
        name, offset, length = struct.unpack_from("<48sQQ", data, size + 24 + 64 * i)
        assert offset % PAGE == 0 and offset >= end and offset + length <= total
        start = size + offset
        padding = -length % PAGE
        assert data[start + length:start + length + padding] == bytes(padding)
        members[name.rstrip(b"\0").decode()] = data[start:start + length]
        end = offset + length
    return members


def pack(place, *parts, arguments=()):
    (place / "s.dts").write_text(SYSTEM % "\n".join(parts))
    return run_tool(place, "pack", place / "s.dts", "-o", place / "out", *arguments)


def test_pack_layout(place):
    (place / "initrd").write_bytes(b"x" * 5000)
    component = '%s { compatible = "bulkhead,component"; image = "probe"; };'
    result = pack(place, vm("a", more='initrd = "initrd";'), vm("b"), component % "p", component % "q")
    assert result.returncode == 0, result.stderr
    data = (place / "out").read_bytes()
    kernel = make_image(5 * PAGE)
    assert struct.unpack_from("<Q", data, 16)[0] == len(data)
    assert data[:16] == kernel[:16] and data[24:len(kernel)] == kernel[24:]
    members = read_package(data)
    assert sorted(members) == sorted(["root", "vmm", "uart", "probe", "a/kernel", "a/initrd", "b/kernel", "system.dtb"])
    assert members["probe"] == make_component("probe") and members["a/initrd"] == b"x" * 5000
    assert members["b/kernel"] == (place / "image").read_bytes()


def test_packed_description_names_members(place):
    (place / "initrd").write_bytes(b"x")
    assert pack(place, vm("a", more='initrd = "initrd"; bootargs = "x";')).returncode == 0
    tree = read_package((place / "out").read_bytes())["system.dtb"]
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=tree, capture_output=True, check=True).stdout.decode()
    assert 'kernel = "a/kernel"' in text and 'initrd = "a/initrd"' in text and 'bootargs = "x"' in text


def test_pack_is_repeatable(place):
    assert pack(place, vm()).returncode == 0
    first = (place / "out").read_bytes()
    assert pack(place, vm()).returncode == 0
    assert (place / "out").read_bytes() == first


def test_pack_as_elf(place):
    assert pack(place, vm(), arguments=["--elf", place / "elf"]).returncode == 0
    flat, elf = (place / "out").read_bytes(), (place / "elf").read_bytes()
    kind, machine, _, entry, table = struct.unpack_from("<HHIQQ", elf, 16)
    load, _, offset, _, physical, in_file, in_memory, _ = struct.unpack_from("<IIQQQQQQ", elf, table)
    assert (kind, machine, entry, load, physical) == (2, 183, 0x40200000, 1, 0x40200000)
    assert in_file == in_memory == len(flat) and elf[offset:] == flat


def test_pack_leaves_nothing_behind(place):
    assert pack(place, vm(memory="3M")).returncode == 1
    assert not (place / "out").exists()
    assert pack(place, vm()).returncode == 0
    assert sorted(p.name for p in place.iterdir()) == ["build", "image", "out", "s.dts"]
    assert (place / "out").stat().st_mode & 0o111 == 0 and (place / "out").stat().st_mode & 0o400


def test_pack_reports_what_it_cannot_write(place):
    (place / "s.dts").write_text(SYSTEM % vm())
    result = run_tool(place, "pack", place / "s.dts", "-o", place / "no" / "out")
    assert result.returncode == 1 and "cannot write it: No such file" in result.stderr
    result = run_tool(place, "pack", place / "s.dts", "-o", place)
    assert result.returncode == 1 and "not a regular file" in result.stderr and place.is_dir()


@pytest.mark.parametrize("name, content, words", [
    ("kernel/kernel.bin", None, "run make"),
    ("kernel/kernel.bin", b"short", "no Image header"),
    ("kernel/kernel.bin", make_image(5 * PAGE)[:-PAGE], "another size"),
    ("components/vmm.bin", None, "run make"),
    ("components/root.bin", b"x" * 100, "no component's image"),
    ("components/uart.bin", struct.pack("<II", 0x4F434842, 77) + bytes(100), "another version"),
])
def test_broken_build(place, name, content, words):
    path = place / "build" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    result = pack(place, vm())
    assert result.returncode == 1 and f"{path}: error: " in result.stderr and words in result.stderr


# run.


def dry_run(place, *arguments):
    result = run_tool(place, "run", "--dry-run", *arguments)
    assert result.returncode == 0, result.stderr
    return shlex.split(result.stdout)


def option(command, name):
    return command[command.index(name) + 1]


def test_run_defaults(place):
    command = dry_run(place, "--kernel", place / "image")
    assert command[0] == "qemu-system-aarch64"
    assert option(command, "-M") == "virt,virtualization=on,gic-version=3"
    assert option(command, "-cpu") == "cortex-a57" and option(command, "-smp") == "1" and option(command, "-m") == "704M"
    assert option(command, "-chardev") == "stdio,id=console,signal=off" and option(command, "-serial") == "chardev:console"
    assert "-icount" not in command and "-gdb" not in command


def test_run_options(place):
    command = dry_run(place, "--kernel", place / "image", "--gic", "2", "--cpu", "cortex-a53", "--cpus", "2", "--host-cpus", "4",
                      "--memory", "64M", "--host-memory", "1G", "--gdb", "1234", "--", "-d", "int")
    assert option(command, "-M") == "virt,virtualization=on,gic-version=2" and option(command, "-cpu") == "cortex-a53"
    assert option(command, "-smp") == "4" and option(command, "-m") == "1024M"
    assert option(command, "-gdb") == "tcp:127.0.0.1:1234" and "-S" in command and command[-2:] == ["-d", "int"]


def test_run_measuring(place):
    command = dry_run(place, "--kernel", place / "image", "--icount", "0")
    assert option(command, "-M") == "virt,virtualization=on,gic-version=3,dtb-randomness=off"
    assert option(command, "-cpu") == "cortex-a57,cntfrq=1000000000" and option(command, "-icount") == "shift=0,sleep=off"
    assert option(command, "-rtc") == "base=2024-01-01T00:00:00,clock=vm"


def test_run_description(place):
    (place / "s.dts").write_text(SYSTEM % vm(memory="1G"))
    command = dry_run(place, place / "s.dts")
    assert option(command, "-smp") == "4" and option(command, "-m") == "1216M"


def test_run_generates_the_description(place):
    dry_run(place, "--kernel", place / "image", "--cpus", "3", "--host-cpus", "2", "--append", 'a "b" \\', "--image", place / "out")
    tree = read_package((place / "out").read_bytes())["system.dtb"]
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=tree, capture_output=True, check=True).stdout.decode()
    assert "guest {" in text and "cpus = <0x00 0x01 0x00>" in text and 'memory = "512M"' in text
    assert r'bootargs = "a \"b\" \\"' in text and "focus;" in text


def generated(place):
    tree = read_package((place / "out").read_bytes())["system.dtb"]
    return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=tree, capture_output=True, check=True).stdout.decode()


def test_run_with_disks(place):
    """Each file behind a transport on a page of its own, written only where wanted; the package does not name the files."""
    for name in ("a.img", "b,ro.img", "c,d.img"):
        (place / name).write_bytes(bytes(512))
    command = dry_run(place, "--kernel", place / "image", "--image", place / "out", "--disk", f"{place}/a.img", "--disk", f"{place}/b,ro.img,ro,bounce",
                      "--disk", f"{place}/c,d.img,bounce")
    assert command[command.index("-global") + 1] == "virtio-mmio.force-legacy=false"
    drives = [command[i + 1] for i, word in enumerate(command) if word == "-drive"]
    assert drives == [f"if=none,id=disk0,format=raw,discard=unmap,werror=report,file={place}/a.img",
                      f"if=none,id=disk1,format=raw,discard=unmap,werror=report,readonly=on,file={place}/b,,ro.img",
                      f"if=none,id=disk2,format=raw,discard=unmap,werror=report,file={place}/c,,d.img"]
    devices = [command[i + 1] for i, word in enumerate(command) if word == "-device"]
    assert devices == [f"virtio-blk-device,bus=virtio-mmio-bus.{8 * i},drive=disk{i}" for i in range(3)]
    text = generated(place)
    assert ".img" not in text and text.count("dma-trusted;") == 3
    assert re.search(r'disk1 {\s*compatible = "bulkhead,disk";\s*driver = "blk1";\s*read-only;\s*bounce;', text)
    assert re.search(r'blk2 {\s*compatible = "bulkhead,blk";\s*device = "/virtio_mmio@a002000";', text)


def test_run_description_with_disk_image(place):
    """Where the node says; read-only if no VM writes; none where none is said."""
    (place / "disk.img").write_bytes(bytes(512))
    (place / "s.dts").write_text(SYSTEM % "\n".join([
        disk_vm(FROM + "read-only;"), blk(device="/virtio_mmio@a003e00", more='dma-trusted; image = "disk.img";'), blk("none")]))
    command = dry_run(place, place / "s.dts")
    assert option(command, "-drive").endswith(f"readonly=on,file={place}/disk.img")
    assert option(command, "-device") == "virtio-blk-device,bus=virtio-mmio-bus.31,drive=disk0" and command.count("-device") == 1


def test_run_with_disk_on_another_machine(place):
    (place / "build/debian/boards").mkdir(parents=True)
    (place / "build/debian/boards/zynqmp-zcu102-rev1.0.dtb").touch()
    (place / "disk.img").write_bytes(bytes(512))
    result = run_tool(place, "run", "--dry-run", "--machine", "zcu102", "--kernel", place / "image", "--disk", place / "disk.img")
    assert result.returncode == 1 and "--machine: error: zcu102 has no virtio transports" in result.stderr


def test_run_on_another_machine(place):
    tree = place / "build/debian/boards/zynqmp-zcu102-rev1.0.dtb"
    result = run_tool(place, "run", "--dry-run", "--machine", "zcu102", "--kernel", place / "image")
    assert result.returncode == 1 and result.stderr.startswith(f"{tree}: error: ") and "run scripts/fetch-debian" in result.stderr
    tree.parent.mkdir(parents=True)
    tree.touch()
    command = dry_run(place, "--machine", "zcu102", "--kernel", place / "image")
    assert option(command, "-M") == "xlnx-zcu102,virtualization=on" and option(command, "-dtb") == str(tree)
    assert option(command, "-smp") == "4" and option(command, "-m") == "2048M" and "-cpu" not in command
    result = run_tool(place, "run", "--dry-run", "--machine", "zcu102", "--kernel", place / "image", "--memory", "2G")
    assert result.returncode == 1 and "zcu102 has less than" in result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--machine", "zcu102", "--gic", "2"], "has four Cortex-A53, a GICv2"),
    (["--cpu", "max", "--machine", "zcu102"], "leave out --cpu"),
    (["--machine", "zcu102", "--icount", "0"], "leave out"),
    (["--machine", "raspi"], "virt or zcu102, not raspi"),
])
def test_run_machine_leaves_no_choice(place, arguments, words):
    result = run_tool(place, "run", "--dry-run", *arguments, "--kernel", place / "image")
    assert result.returncode == 2 and words in result.stderr


def test_run_more_memory_than_the_host_has(place):
    command = dry_run(place, "--kernel", place / "image", "--host-memory", "64G")
    assert option(command, "-object") == "memory-backend-ram,id=ram,size=65536M,reserve=off"
    assert option(command, "-M").endswith(",memory-backend=ram") and option(command, "-m") == "65536M"


@pytest.mark.parametrize("arguments, name, words", [
    (["--kernel", "no"], "--kernel", "No such file"),
    (["--kernel", "image", "--initrd", "no"], "--initrd", "No such file"),
    (["--kernel", "image", "--memory", "5M"], "--memory", "multiple of 2M"),
    (["--kernel", "image", "--disk", "no"], "--disk", "no such file"),
    (["--kernel", "image", "--disk", "/dev/null"], "--disk", "neither a file nor a block device"),
    (["--kernel", "image", "--disk", "odd,ro"], "--disk", "no multiple of 512"),
    (["--kernel", "image", "--host-memory", "64M"], "--host-memory", "is less than"),
])
def test_run_names_the_option_at_fault(place, arguments, name, words):
    (place / "odd").write_bytes(b"x")
    result = run_tool(place, "run", *arguments, "--dry-run", cwd=place)
    assert result.returncode == 1 and result.stderr.startswith(f"{name}: error: ") and words in result.stderr


FAKE_QEMU = """#!/usr/bin/python3
import os, signal, sys, termios, tty
path = sys.argv[sys.argv.index("-kernel") + 1]
assert os.stat(path).st_size == int.from_bytes(open(path, "rb").read()[16:24], "little")
if os.isatty(0):
    tty.setraw(0)
os.set_blocking(0, False)
print("started", flush=True)
%s
"""


def fake_qemu(place, code):
    (place / "bin").mkdir()
    (place / "bin" / "qemu-system-aarch64").write_text(FAKE_QEMU % code)
    (place / "bin" / "qemu-system-aarch64").chmod(0o755)
    return {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(place)}


@pytest.mark.parametrize("code, status", [("", 0), ("sys.exit(3)", 1), ("os.kill(os.getpid(), 9)", 137)])
def test_run_status_and_leftovers(place, code, status):
    environment = fake_qemu(place, code)
    result = run_tool(place, "run", "--kernel", place / "image", environment=environment)
    assert result.returncode == status and result.stdout == "started\n", result.stderr
    assert sorted(p.name for p in place.iterdir()) == ["bin", "build", "image"]


def test_run_restores_the_terminal(place):
    import termios  # pylint: disable=import-outside-toplevel
    environment = fake_qemu(place, "os.kill(os.getpid(), 9)")
    reader, writer = pty.openpty()
    before = termios.tcgetattr(writer)
    command = [TOOL, "run", "--build-dir", place / "build", "--kernel", place / "image"]
    subprocess.run(command, stdin=writer, stdout=writer, stderr=writer, env={**os.environ, **environment}, timeout=60, check=False)
    assert termios.tcgetattr(writer) == before and os.get_blocking(writer)
    os.close(reader)
    os.close(writer)


def test_run_hands_signals_on(place):
    environment = fake_qemu(place, "signal.signal(15, lambda *_: (print('ended', flush=True), sys.exit(0)))\nsignal.pause()")
    command = [TOOL, "run", "--build-dir", place / "build", "--kernel", place / "image"]
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "started\n"
        time.sleep(0.2)  # until the fake has set its handler
        process.send_signal(signal.SIGHUP)
        assert process.stdout.read() == "ended\n"
        assert process.wait(timeout=30) == 128 + signal.SIGHUP


def test_run_without_qemu(place):
    (place / "bin").mkdir()
    environment = {"PATH": str(place / "bin")}
    result = run_tool(place, "run", "--kernel", place / "image", environment=environment)
    assert result.returncode == 1 and "qemu-system-arm" in result.stderr


def test_check_without_dtc(place):
    (place / "bin").mkdir()
    (place / "s.dts").write_text(SYSTEM % vm())
    result = run_tool(place, "check", place / "s.dts", environment={"PATH": str(place / "bin")})
    assert result.returncode == 1 and "device-tree-compiler" in result.stderr
