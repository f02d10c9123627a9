"""System descriptions written by tests."""

from console import ROOT

GUESTS = ROOT / "build" / "guests"
DEBIAN = ROOT / "build" / "debian"


def node(name, kind, **properties):
    """One node. Numbers and lists of them become cells, texts strings, True a property without value; `_` in a name is `-`. `disks`: nodes in it."""
    lines = [f'        compatible = "bulkhead,{kind}";']
    disks = properties.pop("disks", [])
    for key, value in properties.items():
        key = key.replace("_", "-")
        if value is True:
            lines.append(f"        {key};")
        elif isinstance(value, (int, list)):
            cells = value if isinstance(value, list) else [value]
            lines.append(f"        {key} = <{' '.join(map(str, cells))}>;")
        else:
            lines.append(f'        {key} = "{value}";')
    return "\n".join([f"    {name} {{", *lines, *disks, "    };"])


def disk(name="disk0", driver="blk0", **properties):
    """A VM's disk: one of `disks`."""
    return node(name, "disk", driver=driver, **properties)


def driver(name, image, cpu=0, priority=45, **properties):
    """The driver of the emulator's first virtio device, which is a disk with that file; None: there is none."""
    if image is not None:
        properties["image"] = image
    return node(name, "blk", device="/virtio_mmio@a000000", cpu=cpu, priority=priority, dma_trusted=True, **properties)


def guest(name, image, cpu=0, **properties):
    """A VM with one of our guests, one vCPU and 16 MiB unless said otherwise."""
    return node(name, "vm", **{"kernel": GUESTS / image, "memory": "16M", "cpus": cpu, **properties})


def linux(name="linux", cpus=0, **properties):
    """A VM with the stock Debian kernel."""
    return node(name, "vm", **{"kernel": DEBIAN / "vmlinuz", "initrd": DEBIAN / "initrd.gz", "bootargs": "console=ttyAMA0 quiet",
                               "memory": "256M", "cpus": cpus, **properties})


def component(name, image, cpu=0, priority=41, **properties):
    return node(name, "component", image=image, cpu=cpu, priority=priority, **properties)


def describe(folder, *nodes):
    """Path of the description made of these nodes."""
    path = folder / "system.dts"
    path.write_text("/dts-v1/;\n/ {\n    compatible = \"bulkhead,system\";\n" + "\n".join(nodes) + "\n};\n")
    return path
