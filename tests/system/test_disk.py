"""Disks of VMs, served by components/blk from the VMs' own memory: stock Debian's driver on them; partitions; a driver that dies at any instant, which $DEATH_SEED decides."""

import hashlib
import random
import re
import struct
import zlib

import pytest

from console import BOOT, ROOT, STEP
from describe import DEBIAN, describe, disk, driver, guest, linux
from overlay import initrd_with
from test_death import AGAIN, LONG, SEED, assert_reaped, assert_rt_lost_nothing, reaper, rt, wait_since

SECTORS = ROOT / "build" / "tests" / "linux" / "sectors"
MIB = 1 << 20
DEATHS, CLIENT_DEATHS = 120, 100


def digest(data):
    return hashlib.sha256(data).hexdigest()


def make_image(folder, mib=16):
    path = folder / "disk.img"
    path.write_bytes(random.Random(SEED).randbytes(mib * MIB))
    return path


def make_gpt(path, *partitions):
    """A GUID partition table (UEFI 2.10 §5.3) of (first sector, sectors)."""
    data = bytearray(path.read_bytes())
    blocks = len(data) // 512
    entries = b"".join(b"\x5a" * 16 + bytes([i]) * 16 + struct.pack("<QQQ", first, first + count - 1, 0) + bytes(72) for i, (first, count) in enumerate(partitions))
    entries = entries.ljust(128 * 128, b"\0")
    header = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, blocks - 1, 34, blocks - 34, b"\x11" * 16, 2, 128, 128, zlib.crc32(entries)))
    header[16:20] = struct.pack("<I", zlib.crc32(header))
    data[0:512] = bytes(446) + struct.pack("<BBBBBBBBII", 0, 0, 2, 0, 0xee, 255, 255, 255, 1, blocks - 1) + bytes(48) + b"\x55\xaa"
    data[512:1024] = header.ljust(512, b"\0")
    data[1024:1024 + len(entries)] = entries
    path.write_bytes(data)


def boot_linux(boot, tmp_path, gic, *disks, cpus=2):
    initrd = initrd_with(tmp_path, {"sectors": SECTORS})
    words = [word for text in disks for word in ("--disk", text)]
    system = boot("--kernel", DEBIAN / "vmlinuz", "--initrd", initrd, "--append", "console=ttyAMA0 quiet", "--gic", gic, "--cpus", cpus, "--host-cpus", 2,
                  "--memory", "256M", *words)
    system.wait_for_shell(BOOT)
    return system


def read_digest(system, count, skip=0, name="guest", device="vda"):
    """Of MiB, read around Linux's cache."""
    return sum_of(system, f"dd if=/dev/{device} bs=1M count={count} skip={skip} iflag=direct 2>/dev/null | sha256sum", name)


def sum_of(system, command, name="guest"):
    """The sum in its output, where an echoed command that was too long for the terminal's line may stand, too."""
    return re.search(r"[0-9a-f]{64}", " ".join(system.shell_ok(command, name, STEP * 3))).group()


@pytest.mark.parametrize("gic", [2, 3])
def test_disk(boot, tmp_path, gic):
    """Red when a byte read or written is another one's, when sizes or features are not told, when discarded or zeroed sectors are not, or when
    nothing works any more after Linux reset the device (20 s each)."""
    path = make_image(tmp_path)
    data = path.read_bytes()
    system = boot_linux(boot, tmp_path, gic, path)
    system.shell_ok("ln -s /sys/block/vda v")
    assert system.shell_ok("echo $(cat v/size v/ro v/serial)") == ["32768 0 disk0"]
    assert system.shell_ok("echo $(ls v/mq) $(cat v/queue/write_cache)") == ["0 1 write back"]
    assert read_digest(system, 16) == digest(data)
    system.shell_ok("dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null")
    system.shell_ok("dd if=/tmp/data of=/dev/vda bs=256k seek=12 oflag=direct conv=fsync 2>/dev/null", timeout=STEP * 3)
    written = sum_of(system, "sha256sum /tmp/data")
    assert read_digest(system, 4, 3) == written
    assert system.shell_ok("/sectors zero /dev/vda") == ["zero: done"]
    assert sum_of(system, "dd if=/dev/vda bs=64k count=1 iflag=direct 2>/dev/null | sha256sum") == digest(bytes(65536))
    system.shell_ok("blkdiscard -o 8388608 -l 1048576 /dev/vda")
    assert read_digest(system, 1, 8) == digest(bytes(MIB))
    system.shell_ok("rmmod virtio_blk; insmod /lib/modules/virtio_blk.ko*")
    assert read_digest(system, 1, 3) == digest(path.read_bytes()[3 * MIB:4 * MIB])
    now = path.read_bytes()
    assert digest(now[3 * MIB:7 * MIB]) == written and now[9 * MIB:] == data[9 * MIB:] and now[65536:3 * MIB] == data[65536:3 * MIB]
    system.send("reboot\r")
    system.wait_for_shell(BOOT)
    assert read_digest(system, 16) == digest(now)
    system.quit()


def test_read_only_and_bounced(boot, tmp_path):
    """Red when a read-only disk can be written, or data of a bounced one is wrong (10 s)."""
    path = make_image(tmp_path)
    data = path.read_bytes()
    other = tmp_path / "other.img"
    other.write_bytes(data[:8 * MIB])
    system = boot_linux(boot, tmp_path, 3, f"{path},ro", f"{other},bounce")
    assert system.shell_ok("cat /sys/block/vd[ab]/ro") == ["1", "0"]
    assert system.shell("dd if=/dev/zero of=/dev/vda bs=4k count=1 oflag=direct")[0] != 0
    assert system.shell("/sectors zero /dev/vda")[0] != 0
    assert read_digest(system, 16) == digest(data)
    assert read_digest(system, 8, device="vdb") == digest(other.read_bytes())
    system.shell_ok("dd if=/dev/vda of=/dev/vdb bs=300k skip=20 count=10 oflag=direct iflag=direct 2>/dev/null", timeout=STEP * 3)
    now = other.read_bytes()
    assert now[:3072000] == data[6144000:9216000] and now[3072000:] == data[3072000:8 * MIB]
    assert path.read_bytes() == data
    system.quit()


def test_partitions(boot, tmp_path):
    """Two VMs on two partitions of one disk. Red when one reaches the other's sectors, or a partition that is not there is not told (15 s)."""
    path = make_image(tmp_path)
    make_gpt(path, (2048, 6 * 2048), (8 * 2048, 2 * 2048))
    data = path.read_bytes()
    system = boot("--host-cpus", 2, describe(
        tmp_path, linux("a", cpus=0, disks=[disk(partition=1)], focus=True), linux("b", cpus=1, disks=[disk(partition=2), disk("extra", partition=3)]),
        driver("blk0", path)))
    system.wait_for_shell(BOOT)
    system.wait_line("blk0", "b/extra: no disk: the disk has no partition 3")
    assert system.shell_ok("cat /sys/block/vda/size", "a") == [str(6 * 2048)]
    assert read_digest(system, 6, name="a") == digest(data[MIB:7 * MIB])
    system.shell_ok("tr '\\0' a < /dev/zero | dd of=/dev/vda bs=1M iflag=fullblock oflag=direct 2>/dev/null; true", "a", timeout=STEP * 3)
    system.send("\x1dn")
    system.wait_line("b", "Enter 'help'", BOOT)
    system.shell("true", "b")  # the greeting and the first prompt
    assert system.shell_ok("cat /sys/block/vda/size", "b") == [str(2 * 2048)]
    assert system.shell_ok("cat /sys/block/vdb/size", "b") == ["0"]
    assert read_digest(system, 2, name="b") == digest(data[8 * MIB:10 * MIB])
    system.shell_ok("tr '\\0' b < /dev/zero | dd of=/dev/vda bs=1M iflag=fullblock oflag=direct 2>/dev/null; true", "b", timeout=STEP * 3)
    now = path.read_bytes()
    assert now == data[:MIB] + b"a" * (6 * MIB) + data[7 * MIB:8 * MIB] + b"b" * (2 * MIB) + data[10 * MIB:]


def test_no_disk(boot, tmp_path):
    """Nothing is attached to the driver's device. Red when the driver does not say so, or the guest waits for ever instead of getting an error (5 s)."""
    system = boot("--host-cpus", 2, describe(tmp_path, guest("load", "disk-load", cpu=1, memory="2M", disks=[disk()]), driver("blk0", None)))
    system.wait_line("blk0", "load/disk0: no disk: nothing is attached to its virtio-mmio `device`; is the disk's image missing", BOOT)
    system.wait_line("load", "disk: wrong: status 1", BOOT)
    system.quit()


def assert_sectors_good(system, name, regions):
    """Stops tests/linux/sectors.c, which then looks at everything once more."""
    system.shell_ok("touch /stop", name)
    done = 0
    for region in range(regions):
        found = system.wait_line(name, rf".*sectors: region {region}: (\d+) writes, (\d+) reads, (\d+) sectors wrong, (\d+) errors", LONG)
        writes, reads, wrong, errors = map(int, found.groups())
        assert (wrong, errors) == (0, 0) and min(writes, reads) > 16, f"seed {SEED}: {found.group()}"
        done += writes
    assert done > 100, f"seed {SEED}: {done}"
    assert not re.search(r"I/O error|blk_update_request", system.text()), f"seed {SEED}"


@pytest.mark.parametrize("gic", [2, 3])
def test_driver_dies(boot, tmp_path, gic):
    """Linux writes and reads from four processes while the driver is killed or faults, again and again. Red when a request is lost, an old number stands in any sector, or
    something of the dead driver is left over. Seen red: a successor that begins each queue anew, as without the record (Linux waits for ever for what was in flight; 25 s)."""
    path = make_image(tmp_path, 8)
    initrd = initrd_with(tmp_path, {"sectors": SECTORS})
    system = boot("--host-cpus", 3, "--gic", gic, describe(
        tmp_path, rt(2), linux("linux", cpus=[0, 1], initrd=initrd, disks=[disk()], focus=True),
        driver("blk0", path, cpu=1, **AGAIN), reaper("blk0", DEATHS, longest=1000, least=5)))
    system.wait_for_shell(BOOT)
    for region in range(4):
        system.shell_ok(f"/sectors run /dev/vda {region} {SEED % 1000000 + region} & true", "linux")
    assert_reaped(system, DEATHS, LONG)
    assert_sectors_good(system, "linux", 4)
    assert_rt_lost_nothing(system)


@pytest.mark.parametrize("gic", [2, 3])
def test_client_dies(boot, tmp_path, gic):
    """A VM whose disk is always busy, and that resets it in mid-flight, dies with it, as does the driver; both come back in the same memory. Linux on another partition does not
    notice. Red when a death takes another one's requests along, when the disk writes to memory after a reset or a VM's end, or something is left over (30 s each)."""
    path = make_image(tmp_path)
    make_gpt(path, (2048, 8 * 2048), (9 * 2048, 6 * 2048))
    data = path.read_bytes()
    system = boot("--host-cpus", 3, "--gic", gic, describe(
        tmp_path, rt(2), guest("load", "disk-load", cpu=1, memory="2M", disks=[disk(partition=2)], **AGAIN),
        linux("a", cpus=0, initrd=initrd_with(tmp_path, {"sectors": SECTORS}), disks=[disk(partition=1)], focus=True),
        driver("blk0", path, **AGAIN), reaper('load", "blk0', CLIENT_DEATHS, longest=1000, least=5)))
    system.wait_for_shell(BOOT)
    for region in range(3):
        system.shell_ok(f"/sectors run /dev/vda {region} {SEED % 1000000 + region} & true", "a")
    start = assert_reaped(system, CLIENT_DEATHS, LONG)
    wait_since(system, start, "load", "disk: round")
    assert_sectors_good(system, "a", 3)
    assert "disk: wrong" not in system.text(), f"seed {SEED}: {[line for line in system.lines('load') if 'wrong' in line]}"
    now = path.read_bytes()
    assert now[4 * MIB:9 * MIB] == data[4 * MIB:9 * MIB] and now[9 * MIB + 65536:] == data[9 * MIB + 65536:], f"seed {SEED}"
    assert_rt_lost_nothing(system)
