"""Disks that cannot be, and drivers that do not what they should: what root says and does. What descriptions and files can have wrong is in test_tool.py."""

import shutil

import pytest

from console import BOOT, ROOT
from describe import describe, linux, node

BUILD = ROOT / "build"


def driver(**properties):
    return node("blk0", "blk", **{"device": "/virtio_mmio@a000000", "dma_trusted": True, **properties})


def with_disk(vm):
    """The VM's node with a disk of blk0."""
    disk = '        d0 { compatible = "bulkhead,disk"; driver = "blk0"; };\n    };'
    return vm[:vm.rindex("    };")] + disk


@pytest.mark.parametrize("device, words", [
    ("/virtio_mmio@b000000", "no such node in the firmware's device tree, or it is disabled"),
    ("/pl031@9010000", "not a device that blk has a driver for"),
    ("/pl011@9000000", "the board's UART"),
])
def test_device_that_cannot_be_driven(boot, tmp_path, device, words):
    """Red when root starts a driver on a device that is not there, or not its kind; 2 s each."""
    system = boot(describe(tmp_path, with_disk(linux()), driver(device=device)))
    system.expect(rf'root: description, /blk0, device: "{device}" cannot be driven: {words}', BOOT)


def test_driver_that_does_not_let_go(boot, tmp_path):
    """
    The driver is one that answers nothing, ever. Its client dies: the VM's memory is not used again before the driver has let go of it, which it never
    does, so it must die for it; and once more when the next monitor waits for its answer. Red when root waits for ever, or does not wait; 70 s.
    """
    build = tmp_path / "build"
    shutil.copytree(BUILD / "components", build / "components")
    (build / "kernel").symlink_to(BUILD / "kernel")
    shutil.copy(BUILD / "components" / "probe.bin", build / "components" / "blk.bin")
    reaper = node("reaper", "component", image="reaper", priority=50, manages="linux", arguments="seed=1 rounds=1 longest=1 least=20000 every=9")
    system = boot("--host-cpus", 2, "--build-dir", build,
                  describe(tmp_path, with_disk(linux(cpus=1, on_crash="restart", focus=True)), driver(restart_delay=[1, 1]), reaper))
    system.wait_for_shell(BOOT)
    system.wait_line("root", r"blk0: restarts in \d+ ms .*: it does not let go of the memory of linux", BOOT)
    system.wait_line("reaper", r"reaper: .* 0 leftovers, .*; done", BOOT)
    said = system.lines("root")
    killed = next(i for i, line in enumerate(said) if "it does not let go" in line)
    died = max(i for i, line in enumerate(said[:killed]) if line.startswith("linux: restarts in"))
    assert not [line for line in said[died:killed] if line.startswith("linux: started")], said
    system.quit()


def test_driver_that_is_given_up(boot, tmp_path):
    """
    The driver dies and stays dead. Nobody answers the guest's reset, but root has silenced the device: the reset ends. Red when the guest waits for
    an answer for ever; 30 s.
    """
    (tmp_path / "disk.img").write_bytes(bytes(1 << 20))
    reaper = node("reaper", "component", image="reaper", priority=50, manages="blk0", arguments="seed=1 rounds=1 longest=1 least=20000 every=9")
    system = boot("--host-cpus", 2, describe(tmp_path, with_disk(linux(cpus=1, focus=True)), driver(on_crash="stop", image=tmp_path / "disk.img"), reaper))
    system.wait_for_shell(BOOT)
    assert system.shell_ok("wc -c </dev/vda", "linux") == [str(1 << 20)]
    system.wait_line("root", r"blk0: stays stopped; its clients' requests are not answered", BOOT)
    system.shell_ok("echo virtio1 >/sys/bus/virtio/drivers/virtio_blk/unbind", "linux", BOOT)
    assert system.shell_ok("ls /dev/vda 2>/dev/null | wc -l", "linux") == ["0"]
    system.quit()
