"""Images that lie: packed well, changed afterwards. What lies is reported by name and not started; the others and `rt` live on."""

import struct
import subprocess

import pexpect
import pytest

from console import BOOT, ROOT, STEP, System
from describe import component, describe, guest, node
from neighbour import assert_rt_goes_on

PAGE = 4096
ENTRY = struct.Struct("<48sQQ")
GUEST = ROOT / "build" / "guests" / "wild"


class Image:
    """A boot image as bytes; its package's members by name."""

    def __init__(self, folder, *nodes):
        self.path = folder / "image"
        done = subprocess.run([str(ROOT / "build" / "bulkhead"), "pack", str(describe(folder, *nodes)), "-o", str(self.path)],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.data = bytearray(self.path.read_bytes())
        self.package = next(at for at in range(0, len(self.data), PAGE)
                            if self.data[at:at + 8] == struct.pack("<4sI", b"BHPK", 1))
        self.count = struct.unpack_from("<I", self.data, self.package + 8)[0]
        self.size = struct.unpack_from("<Q", self.data, self.package + 16)[0]

    def _at(self, name):
        for i in range(self.count):
            at = self.package + 24 + i * ENTRY.size
            if self.data[at:at + 48].rstrip(b"\0") == name.encode():
                return at
        raise KeyError(name)

    def entry(self, name):
        """[name, offset, size]"""
        return list(ENTRY.unpack_from(self.data, self._at(name)))

    def set_entry(self, name, new_name=None, offset=None, size=None):
        at, old = self._at(name), self.entry(name)
        ENTRY.pack_into(self.data, at, (new_name or name).encode(), old[1] if offset is None else offset, old[2] if size is None else size)

    def patch(self, name, at, data):
        """Bytes within a member."""
        begin = self.package + self.entry(name)[1] + at
        self.data[begin:begin + len(data)] = data

    def write(self):
        self.path.write_bytes(self.data)
        return self.path


class Board(System):
    """The image on a board, without `bulkhead run`."""

    def __init__(self, log, image):  # pylint: disable=super-init-not-called
        self.start(log, "qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a57", "-smp", "3", "-m", "512M",
                   "-nographic", "-net", "none", "-kernel", image.write())

    def expect_end(self, pattern):
        """The machine says this and switches itself off."""
        self.child.expect(pattern, timeout=BOOT)
        self.child.expect(pexpect.EOF, timeout=STEP)


def vm(name, **properties):
    return guest(name, "wild", cpu=1, bootargs="do=sleep", memory="2M", **properties)


RT = guest("rt", "rt", cpu=2)


def test_members(tmp_path):
    """Red when root believes the package's table: a member outside, not at a page, overlapping, there twice or gone, or a component whose header
    lies, is mapped, stops the system, or goes without a word; or when the other VMs do not start."""
    names = ["outside", "long", "odd", "over", "twice", "gone", "good"]
    image = Image(tmp_path, component("probe", "probe"), *[vm(name) for name in names], guest("rung", "wild", cpu=1, bootargs="do=sleep",
                  memory="2M", doorbells="probe"), RT)
    expected = {"outside": "lies outside of the package", "long": "lies outside of the package", "odd": "does not begin at a page",
                "over": "overlaps another member", "twice": "is there twice", "gone": "is not there"}
    image.set_entry("outside/kernel", offset=1 << 40)
    image.set_entry("long/kernel", size=(1 << 64) - PAGE)
    image.set_entry("odd/kernel", offset=image.entry("odd/kernel")[1] + 4)
    image.set_entry("over/kernel", offset=image.entry("gone/kernel")[1])
    image.patch("probe", 16, struct.pack("<Q", 1 << 40))  # rx_size
    image.set_entry("gone/kernel", new_name="twice/kernel")
    with Board("test_members", image) as board:
        for name, why in expected.items():
            board.wait_line("root", f"{name}: not started", BOOT)
            assert f'root: {name}: cannot be built: package member "{name}/kernel" {why}; pack the image again' in board.text(), board.text()
        board.wait_line("root", "probe: not started")
        assert 'root: probe: cannot be built: package member "probe" is not a component\'s image, or its header lies' in board.text()
        for name in ("good", "rung"):
            board.wait_line("root", f"{name}: 1 vCPUs, 2 MiB")
        assert_rt_goes_on(board)
        assert not [line for line in board.lines("root") if line.startswith(("good: not", "rung: not", "rt: not"))]


def image_header(**fields):
    """Patches of an arm64 Image's header."""
    places = {"text_offset": 8, "image_size": 16, "flags": 24}
    return [(places[name], struct.pack("<Q", value)) for name, value in fields.items()]


def elf(entry, base, size=0x100):
    """Patches that make a file an ELF program of one segment, at `base`, entered at `entry`."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return [(0, header), (64, struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, PAGE))]


KERNELS = {
    # VM: (patches of its kernel, what is said)
    "size": (image_header(image_size=1 << 40), r"the kernel \(`kernel`\) needs \d+ MiB at 0x40000000, but RAM is"),
    "wraps": (image_header(image_size=(1 << 64) - 1), r"the kernel \(`kernel`\) needs 17592186044416 MiB"),
    "offset": (image_header(text_offset=1 << 63), r"the kernel \(`kernel`\) needs"),
    "fits-not": (image_header(text_offset=0x1ff000), r"the kernel \(`kernel`\) needs"),
    "odd": (image_header(text_offset=3), r"`kernel` is an Image that would begin at an odd address"),
    "big": (image_header(flags=1), r"`kernel` is an Image for big-endian processors"),
    "elf": ([(0, b"\x7fELF\x01\x01"), (56, b"\0" * 4)], r"`kernel` is an ELF file that is of another class"),
    "segment": ([(0, b"\x7fELF\x02\x01\x01"), (18, struct.pack("<H", 183)), (24, struct.pack("<QQ", 1 << 40, 1 << 50)), (54, struct.pack("<HH", 56, 9))],
                r"`kernel` is an ELF file that has nothing to load"),
    "entry": (elf(0x40100000, 0x40000000), r"`kernel` is an ELF file that has nothing to load, or no entry point in what is loaded"),
    "beyond": (elf(0x48000000, 0x48000000), r"a segment of the kernel \(`kernel`, ELF\) needs \d+ MiB at 0x48000000, but RAM is"),
    "around": (elf(0x40000000, 0x40000000, (1 << 64) - 0x100), r"`kernel` is an ELF file that"),
    "gzip": ([(0, b"\x1f\x8b\x08\0")], r"`kernel` is gzip'd, but holds nothing"),
}


def test_kernels(tmp_path):
    """Red when a monitor believes a kernel's header: loads outside RAM, enters where nothing is, or refuses without saying what to change."""
    image = Image(tmp_path, *[vm(name) for name in KERNELS], vm("empty"), RT)
    for name, (patches, _) in KERNELS.items():
        for at, data in patches:
            image.patch(f"{name}/kernel", at, data)
    image.set_entry("empty/kernel", size=0)
    with Board("test_kernels", image) as board:
        for name, (_, said) in KERNELS.items():
            board.wait_line(name, rf"\[bulkhead\] VM {name}: {said}", BOOT)
            board.wait_line("root", rf"{name}: failed: VM {name}: ")
        board.wait_line("empty", r"\[bulkhead\] VM empty: its `kernel` is empty or was not packed", BOOT)
        assert_rt_goes_on(board)


def tree_compile(folder, name, text):
    path = folder / name
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", str(path)], input=text, text=True, check=True)
    return path


def test_trees(tmp_path):
    """Red when a monitor believes a user's tree: its total size, its structure's, or that it has nodes at all."""
    tree = tree_compile(tmp_path, "tree.dtb", "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; compatible = \"x\"; n { m { }; }; };")
    lies = {"total": (4, 1 << 30), "short": (4, 0x30), "structure": (8, 1 << 20), "strings": (12, 1 << 31), "no-nodes": (36, 4), "magic": (0, 1)}
    image = Image(tmp_path, *[vm(name, dtb=tree) for name in lies], vm("good", dtb=tree), RT)
    for name, (at, value) in lies.items():
        image.patch(f"{name}/dtb", at, struct.pack(">I", value))
    with Board("test_trees", image) as board:
        for name in lies:
            board.wait_line(name, rf"\[bulkhead\] VM {name}: its device tree cannot be written \(.*\): is `dtb` a device tree blob", BOOT)
        assert_rt_goes_on(board)
        assert not [line for line in board.lines("good") if "cannot be written" in line]


@pytest.mark.parametrize("lie, said", [
    ("description", r'package member "system\.dtb" is damaged: make the boot image with `bulkhead pack`'),
    ("driver", r'uart: cannot be built: package member "uart" is not a component\'s image, or its header lies'),
    ("count", r"the package behind the kernel is damaged"),
    ("size", r"the package behind the kernel is damaged"),
    ("root", r"the package behind the kernel is damaged"),
])
def test_system(tmp_path, lie, said):
    """Red when what all depend on lies and the machine does something else than say so and switch off."""
    image = Image(tmp_path, RT)
    if lie == "description":
        image.patch("system.dtb", 36, struct.pack(">I", 4))
    elif lie == "driver":
        image.patch("uart", 32, struct.pack("<Q", 16))  # memory_size
    elif lie == "count":
        struct.pack_into("<I", image.data, image.package + 8, 0xffffffff)
    elif lie == "size":
        struct.pack_into("<Q", image.data, image.package + 16, 1 << 60)
    else:
        image.set_entry("root", offset=1 << 50)
    with Board(f"test_system-{lie}", image) as board:
        board.expect_end(said)


@pytest.mark.parametrize("patches, property_name, said", [
    (image_header(text_offset=(1 << 64) - 8), "kernel", "memory: too small for what is loaded"),
    (image_header(text_offset=2), "kernel", "is an Image whose header lies: text_offset is no multiple of 4"),
    (image_header(flags=1), "kernel", "is an Image for big-endian processors"),
    (None, "dtb", "nests more than 32 nodes deep"),
    ("cells", "dtb", "#address-cells or #size-cells is neither 1 nor 2"),
])
def test_check(tmp_path, patches, property_name, said):
    """Red when `bulkhead check` and `pack` let a lie pass that the monitor would have to refuse."""
    kernel = bytearray(GUEST.read_bytes())
    properties = {"kernel": tmp_path / "kernel", "memory": "2M", "cpus": 0}
    if property_name == "dtb":
        text = "n { " * 40 + "};" * 40 if patches is None else "#address-cells = <3>;"
        properties["dtb"] = tree_compile(tmp_path, "tree.dtb", f"/dts-v1/; / {{ {text} }};")
    else:
        for at, data in patches:
            kernel[at:at + len(data)] = data
    properties["kernel"].write_bytes(kernel)
    path = describe(tmp_path, node("liar", "vm", **properties))
    for command in (["check"], ["pack", "-o", str(tmp_path / "out")]):
        done = subprocess.run([str(ROOT / "build" / "bulkhead"), *command, str(path)], capture_output=True, text=True)
        assert done.returncode == 1 and said in done.stderr and "system.dts:" in done.stderr, done.stderr
