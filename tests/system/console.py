"""A running system under pexpect: its consoles, a shell in a Linux VM, its end."""

import os
import pathlib
import re
import signal
import sys
import time

import pexpect

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("BULKHEAD", ROOT / "build" / "bulkhead"))
LOGS = ROOT / "build" / "test-logs"

sys.path.insert(0, str(ROOT / "scripts"))  # its modules serve tests, too

# Seconds. Nothing waits for as long as this unless it is broken: the machine may be small and busy.
BOOT = 180
STEP = 60

MENU = "\x1d"
PROMPT = r"linux:/# "


def console_lines(text, name):
    """The lines of one VM's console: what stood on the terminal's lines in the end, without prefix and escape sequences."""
    lines = []
    for line in text.split("\n"):
        line = re.split(r"\r\x1b\[K", line)[-1]
        line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).replace("\r", "")
        match = re.match(rf"{re.escape(name)} *\| ?(.*)", line)
        if match:
            lines.append(match.group(1))
    return lines


class System:
    """`bulkhead run` with the given arguments. Use as a context manager or call end()."""

    def __init__(self, log, *arguments):
        self.start(log, TOOL, "run", *arguments)

    def start(self, log, *words):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log_path = LOGS / f"{log}.log"
        self.log = open(self.log_path, "w", encoding="utf-8", errors="replace", newline="")
        self.commands = 0
        self.child = pexpect.spawn(str(words[0]), list(map(str, words[1:])), cwd=str(ROOT), timeout=STEP, encoding="utf-8", codec_errors="replace",
                                   echo=False, dimensions=(50, 200))
        self.child.logfile_read = self.log
        self.child.delaybeforesend = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Ends the tool, QEMU and whatever else is in their session, whatever state they are in."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.child.isalive():
                break
            try:
                os.killpg(self.child.pid, number)
            except ProcessLookupError:
                break
            self._drain(5)
        self.child.close(force=True)
        self.log.close()

    def _drain(self, seconds):
        until = time.monotonic() + seconds
        while self.child.isalive() and time.monotonic() < until:
            try:
                self.child.expect(pexpect.EOF, timeout=0.2)
            except pexpect.TIMEOUT:
                pass

    def text(self):
        """All output so far. A lone carriage return stays one: it begins a line anew."""
        if not self.log.closed:
            self.log.flush()
        return self.log_path.read_bytes().decode("utf-8", "replace").replace("\r\r\n", "\r\n")

    def lines(self, name):
        return console_lines(self.text().replace("\r\n", "\n"), name)

    def expect(self, pattern, timeout=STEP):
        """Waits for it; returns the match. What came instead stands in the failure, and in the log file."""
        index = self.child.expect([pattern, r"KERNEL PANIC|kernel panic:|Kernel panic - not syncing", pexpect.EOF, pexpect.TIMEOUT],
                                  timeout=timeout)
        if index == 0:
            return self.child.match
        why = {1: "panic", 2: "the system ended", 3: f"nothing within {timeout} s"}[index]
        if index == 1:
            self._drain(2)
        raise AssertionError(f"waiting for {pattern!r}: {why}; {self.log_path} ends with:\n{self.text()[-3000:]}")

    def wait_line(self, name, pattern, timeout=STEP):
        """Waits until a finished line of that console matches from its start, however the consoles' lines are interleaved; the match."""
        until = time.monotonic() + timeout
        while True:
            for line in self.lines(name):
                match = re.match(pattern, line)
                if match:
                    return match
            match = re.search(pattern.rstrip("$"), "".join(self.lines(name)))
            if match:
                return match  # a line that takes its VM long, on a busy host, the terminal shows in pieces
            left = until - time.monotonic()
            if left <= 0:
                raise AssertionError(f"waiting for {pattern!r} on {name}'s console: nothing within {timeout} s; {self.log_path} ends "
                                     f"with:\n{self.text()[-3000:]}")
            self.expect(r"\n", left)

    def send(self, text):
        self.child.send(text)

    def wait_for_shell(self, timeout=BOOT):
        self.expect("welcome", timeout)
        self.expect(PROMPT, timeout)

    def shell(self, command, name="guest", timeout=STEP):
        """Runs it in the Linux VM with the keyboard; returns (exit status, its lines of output)."""
        self.commands += 1
        start = len(self.text())
        self.send(f"{command}; echo end-$?-{self.commands}-\r")
        status = int(self.expect(rf"end-(\d+)-{self.commands}-", timeout).group(1))
        self.expect(PROMPT, timeout)
        lines = console_lines(self.text()[start:].replace("\r\n", "\n"), name)
        output = [line for line in lines if "; echo end-" not in line and not re.match(r"end-\d+-\d+-|linux:", line)]
        return status, output

    def in_foreground(self, command):
        """Runs it from the shell and returns when it has the terminal: a key before that would still be the shell's."""
        self.send(f"sh -c \"echo be''gun; exec {command}\"\r")
        self.expect("begun")

    def shell_ok(self, command, name="guest", timeout=STEP):
        status, output = self.shell(command, name, timeout)
        assert status == 0, f"`{command}` ended with {status}: {output}"
        return output

    def quit(self):
        """By the menu; the tool must end with status 0."""
        self.send(MENU)
        time.sleep(0.3)
        self.send("q")
        self.wait_for_exit()

    def wait_for_exit(self, timeout=STEP):
        self.child.expect(pexpect.EOF, timeout=timeout)
        self.child.wait()
        assert self.child.exitstatus == 0, f"exit status {self.child.exitstatus}, signal {self.child.signalstatus}"
