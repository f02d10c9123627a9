"""The terminal: whose line is whose, the menu behind Ctrl-], keys that belong to the guest, what is left behind at the end."""

import os
import re
import signal
import time

import pexpect
import pytest

from console import BOOT, MENU, PROMPT, ROOT, STEP, TOOL

DEMO = "systems/demo.dts"
RT_LINE = r"rt    \| rt: \d+ s: [^\r\n]*\r+\n"


@pytest.fixture
def demo(boot):
    """The demo with a shell in `linux`, which has the keyboard."""
    system = boot(DEMO)
    system.wait_for_shell()
    return system


def open_menu(system):
    system.send(MENU)
    system.expect(r"-- menu: n next, [^\r\n]* -- ")


def test_menu(demo):
    open_menu(demo)
    demo.send("l")
    demo.expect(r"-- \* 1  linux +running +2 +512 MiB +0\r+\n")
    demo.expect(r"--   2  rt +running +1 +16 MiB +0\r+\n")
    demo.expect(r"--   3  root +\(no VM\)\r+\n")
    demo.expect("-- menu: ")
    demo.send("h")
    demo.expect(r"-- q +quit: switch the machine off\r+\n")
    demo.send("n")
    demo.expect(r"-- keyboard: rt --\r+\n")
    open_menu(demo)
    demo.send("9")
    demo.expect("-- there is no console of that number; l lists them --")
    demo.send("1")
    demo.expect(r"-- keyboard: linux --\r+\n")
    demo.expect(rf"linux \| {PROMPT}")
    assert demo.shell_ok("echo still there", "linux") == ["still there"]
    demo.quit()


def test_menu_goes_back(demo):
    for key in ("\r", "\x1b"):
        open_menu(demo)
        demo.send(key)
        demo.expect(rf"linux \| {PROMPT}")
        time.sleep(0.2)
        assert demo.shell_ok("echo here", "linux") == ["here"]


def test_every_line_has_its_prefix(demo):
    """A line that is being typed stays whole while another VM writes lines of its own."""
    demo.send("echo par")
    demo.expect("echo par")
    for _ in range(2):
        demo.expect(rf"\r\x1b\[K{RT_LINE}linux \| {PROMPT}echo par")
    demo.send("tial\r")
    demo.expect(r"linux \| partial\r+\n")
    demo.expect(PROMPT)
    demo.shell_ok("seq 2000", "linux")
    lines = demo.text().replace("\r\n", "\n").split("-- keyboard: linux", 1)[1].split("\n")[1:]
    lines = [re.split(r"\r(?:\x1b\[m)?\x1b\[K", line)[-1] for line in lines]
    strangers = [line for line in lines if not re.match(r"(\x1b\[m)?(linux|rt   |root ) \| |-- |$", line)]
    assert not strangers, strangers


def test_long_output_is_complete(demo):
    assert demo.shell_ok("seq 20000", "linux", BOOT) == [str(n) for n in range(1, 20001)]


def test_keys_belong_to_the_guest(demo):
    demo.in_foreground("sleep 1000")
    demo.send("\x03")
    demo.expect(PROMPT)
    demo.shell_ok("test $? = 130", "linux")

    demo.in_foreground("cat -v")
    open_menu(demo)
    demo.send(MENU + "x\r")
    demo.expect(r"\^\]x\r+\nlinux \| \^\]x\r+\n")
    demo.send("\x03")
    demo.expect(PROMPT)


def test_menu_restarts_a_vm(demo):
    open_menu(demo)
    demo.send("r")
    demo.expect(r"-- restarting linux --\r+\n")
    demo.wait_for_shell()
    open_menu(demo)
    demo.send("l")
    demo.expect(r"-- \* 1  linux +running +2 +512 MiB +1\r+\n")
    demo.expect(r"--   2  rt +running +1 +16 MiB +0\r+\n")
    demo.send("\r")
    demo.quit()
    lost = re.findall(r"periods handled, (\d+) lost", demo.text())
    assert lost and set(lost) == {"0"}, lost


def test_terminal_is_as_before():
    """Under a shell of its own, which looks at the terminal before and after."""
    script = f"stty -g; '{TOOL}' run {DEMO}; echo status=$?; stty -g"
    child = pexpect.spawn("/bin/sh", ["-c", script], cwd=str(ROOT), timeout=STEP, encoding="utf-8", codec_errors="replace")
    try:
        before = child.readline().strip()
        child.expect(PROMPT, timeout=BOOT)
        child.send(MENU)
        child.expect("-- menu: ")
        child.send("q")
        child.expect(r"-- quit --\r+\n")
        child.expect(r"status=(\d+)\r+\n")
        assert child.match.group(1) == "0"
        assert child.readline().strip() == before
    finally:
        if child.isalive():
            os.killpg(child.pid, signal.SIGTERM)
        child.close(force=True)
