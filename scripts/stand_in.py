"""Programs in root's place: components/bench, rights and scale; also for tests."""

import os

BUILD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build")


def build_folder(folder, program):
    """Makes `folder` a build folder in which `root` is that component; returns it, for --build-dir."""
    os.mkdir(os.path.join(folder, "components"))
    os.symlink(os.path.join(BUILD, "kernel"), os.path.join(folder, "kernel"))
    for name in os.listdir(os.path.join(BUILD, "components")):
        source = f"{program}.bin" if name == "root.bin" else name
        os.symlink(os.path.join(BUILD, "components", source), os.path.join(folder, "components", name))
    return folder
