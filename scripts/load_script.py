"""A script of this folder as a module, for tests."""

import importlib.machinery
import importlib.util
import os


def load_script(name):
    """The functions of scripts/NAME, a Python program without an ending."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(os.path.dirname(os.path.abspath(__file__)), name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
