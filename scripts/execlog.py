"""Reads the emulator's execution log: which instructions an operation took, whose they are, and which of them are costly.

QEMU logs each instruction that it begins (`-singlestep -d exec,nochain`). One that it has to begin anew, to look at another CPU or to do an access
to a device at the right instant, is followed by a line that says so, and left out here. What the log names is a virtual address and flags of the processor's
state, from which the exception level comes: the kernel runs at EL2, guests at EL1, components at EL0.
"""

import bisect
import collections
import functools
import os
import re
import subprocess
import tempfile
import threading

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
KERNEL_BASE = 0x40200000  # where QEMU loads the boot image
GUEST_BASE = 0x40000000   # where the monitor loads an Image without text offset
VECTOR_SYNC, VECTOR_IRQ = 0x400, 0x480  # of a lower level, AArch64
LEVELS = {0: 0, 2: 1, 4: 1, 6: 2}       # the MMU index in the flags → exception level

# Costly operations, in the order of the tables.
COSTS = ("isb", "dsb", "dmb", "tlbi", "msr", "mrs", "exclusive", "eret", "mmio", "entry")
COST_TEXT = {"isb": "instruction barriers", "dsb": "barriers that wait for memory", "dmb": "memory barriers", "tlbi": "TLB invalidations",
             "msr": "writes of system registers", "mrs": "reads of system registers", "exclusive": "exclusive and atomic accesses",
             "eret": "exception returns", "mmio": "accesses of the kernel to the GIC's memory", "entry": "exceptions taken to EL2"}
EXCLUSIVE = re.compile(r"(ld|st)a?l?xp?[rp]?[bh]?$|ldaxr[bh]?$|ldxr[bh]?$|stl?xr[bh]?$|(cas|swp|ldadd|ldclr|ldset|ldeor|stadd|stclr|stset)")

Step = collections.namedtuple("Step", "cpu level pc")
Instruction = collections.namedtuple("Instruction", "mnemonic operands target")


class Binary:
    """An ELF file and where it runs."""

    def __init__(self, name, path, base=0):
        self.name, self.path, self.base = name, path, base
        self.code, self.frames = {}, {}
        self.symbols = []
        for line in self.tool("llvm-nm", "-n", path).splitlines():
            words = line.split()
            if len(words) == 3 and words[1] in "tTwW":
                self.symbols.append((int(words[0], 16), words[2]))
        self.starts = [start for start, _ in self.symbols]
        for line in self.tool("llvm-objdump", "-d", "--no-show-raw-insn", path).splitlines():
            found = re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*([^<]*)", line)
            if found:
                operands = found.group(3).split("//")[0].strip()
                target = re.search(r"0x([0-9a-f]+)$", operands)
                self.code[int(found.group(1), 16)] = Instruction(found.group(2), operands, int(target.group(1), 16) if target else None)

    @staticmethod
    def tool(*words, text=None):
        return subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout

    def address(self, symbol):
        """Where the symbol is when it runs; None if there is no such."""
        return next((start + self.base for start, name in self.symbols if name == symbol), None)

    def symbol(self, pc):
        at = bisect.bisect_right(self.starts, pc - self.base) - 1
        return self.symbols[at][1] if at >= 0 else "?"

    def instruction(self, pc):
        return self.code.get(pc - self.base)

    def resolve(self, pcs):
        """Looks up at once which functions, inlined ones first, the instructions belong to."""
        wanted = sorted({pc - self.base for pc in pcs} - set(self.frames))
        if not wanted:
            return
        text = self.tool("llvm-symbolizer", "--output-style=LLVM", "--functions=short", "--obj=" + self.path,
                         text="".join(f"{offset:#x}\n" for offset in wanted))
        for offset, block in zip(wanted, text.split("\n\n")):
            lines = block.strip().split("\n")
            self.frames[offset] = [(lines[i], re.sub(r":\d+$", "", lines[i + 1])) for i in range(0, len(lines) - 1, 2)]

    def inlined(self, pc):
        """[(function, file:line)], innermost first."""
        return self.frames.get(pc - self.base) or [(self.symbol(pc), "?")]

    def function(self, pc):
        """The symbol that the instruction lies in; for assembly the label, vectors by their offset."""
        name = self.symbol(pc)
        if name in ("vectors", "lower_vectors"):
            offset = pc - self.base - self.starts[[n for _, n in self.symbols].index("vectors")]
            return f"vectors+{offset & ~0x7f:#x}"
        return name

    def follows(self, pc, following):
        """Can `following` come after `pc` within this program?"""
        code, after = self.instruction(pc), self.instruction(following)
        if code is None or after is None:
            return False
        if code.mnemonic in ("ret", "br", "blr"):
            return True
        return following == pc + 4 or code.target is not None and code.target + self.base == following


@functools.cache
def binary_of(name, path, base=0):
    return Binary(name, os.path.join(BUILD, path), base)


class Machine:
    """The programs of a running system: the kernel at EL2, guests' at EL1, components at EL0. Which guest or component, is found from the path."""

    def __init__(self, guests=("ubench",), components=("vmm", "uart", "root")):
        self.kernel = binary_of("kernel", "kernel/kernel.elf", KERNEL_BASE)
        self.programs = {2: [self.kernel], 1: [binary_of(name, f"guests/{name}.elf", GUEST_BASE) for name in guests],
                         0: [binary_of(name, f"components/{name}.elf") for name in components]}
        self.guest = self.programs[1][0] if guests else None

    def program(self, name):
        return next(p for level in self.programs.values() for p in level if p.name == name)

    def owner(self, level, pcs):
        """The first program of that level that can have run these instructions one after the other."""
        programs = self.programs.get(level, self.programs[2])
        for program in programs:
            if program.instruction(pcs[0]) and all(program.follows(a, b) for a, b in zip(pcs, pcs[1:])):
                return program
        return programs[0]

    def attribute(self, path):
        """[(step, binary)] of a path."""
        stretches, current = [], {}
        for at, step in enumerate(path):  # of one level, per CPU
            stretch = current.get(step.cpu)
            if stretch is None or path[stretch[-1]].level != step.level:
                stretch = current[step.cpu] = []
                stretches.append(stretch)
            stretch.append(at)
        owners = {}
        for stretch in stretches:
            binary = self.owner(path[stretch[0]].level, [path[i].pc for i in stretch])
            owners.update((i, binary) for i in stretch)
        result = [(step, owners[at]) for at, step in enumerate(path)]
        by_binary = collections.defaultdict(set)
        for step, binary in result:
            by_binary[binary].add(step.pc)
        for binary, pcs in by_binary.items():
            binary.resolve(pcs)
        return result


def cost_of(binary, step):
    """Which costly operation an instruction is; None."""
    code = binary.instruction(step.pc)
    if code is None:
        return None
    name = code.mnemonic
    if name in ("isb", "dsb", "dmb", "mrs", "eret", "tlbi"):
        return name
    if name == "msr":
        return None if re.match(r"(DAIF|SPSel|NZCV)", code.operands, re.I) else "msr"
    if EXCLUSIVE.match(name):
        return "exclusive"
    if step.level == 2 and re.match(r"(ld|st)", name) and any(re.match(r"mmio_(read|write)\d+$", f) for f, _ in binary.inlined(step.pc)):
        return "mmio"
    return None


class Profile:
    """What one path consists of."""

    def __init__(self, machine, path):
        self.steps = machine.attribute(path)
        self.functions = collections.Counter()  # "binary:function" → instructions
        self.inlined = collections.Counter()    # ("binary:function", inlined function) → instructions
        self.costs = collections.Counter()
        self.costly = []                        # (cost, binary:function, instruction)
        self.levels = collections.Counter()
        for step, binary in self.steps:
            where = f"{binary.name}:{binary.function(step.pc)}"
            self.functions[where] += 1
            self.inlined[where, binary.inlined(step.pc)[0][0]] += 1
            self.levels[binary.name] += 1
            cost = cost_of(binary, step) if step.level != 1 else None  # the guest's own are its affair
            if cost:
                code = binary.instruction(step.pc)
                self.costs[cost] += 1
                self.costly.append((cost, where, f"{code.mnemonic} {code.operands}"))
            if where.startswith("kernel:vectors+") and not step.pc & 0x7f:
                self.costs["entry"] += 1

    def __len__(self):
        return len(self.steps)


# --- the log ------------------------------------------------------------------------------------------------------------

def step_of(line, at):
    """The step that a line tells of; `at`: where its second field begins."""
    return Step(int(line[6:line.index(b":")]), LEVELS.get(int(line[at + 23:at + 24], 16), 3), int(line[at:at + 16], 16))


def steps(stream):
    """Each instruction of a log once."""
    last, at = None, None
    for line in stream:
        if line[:5] != b"Trace":
            if last and last[at:at + 16] in line:
                last = None  # it is begun anew
            continue
        at = at or line.index(b"/") + 1
        if last:
            yield step_of(last, at)
        last = line
    if last:
        yield step_of(last, at)


class Recorder:
    """Cuts the log into operations. `marks`: (level, pc) → list of kinds; `rules`: row → (kind that begins, kind that ends). A kind "row:NAME" says which row
    is being measured from there on; one that ends in "@N" counts on CPU N only."""

    def __init__(self, marks, rules, samples=64):
        self.rules, self.samples = rules, samples
        self.marks = {}
        for (level, pc), kinds in marks.items():
            self.marks.setdefault(b"%016x" % pc, {}).setdefault(level, []).extend(kinds)
        self.paths = collections.defaultdict(list)

    def read(self, stream):
        """Takes all of the stream."""
        marks, row, begin, end, path, at = self.marks, None, None, None, None, None
        for line in stream:
            if line[:5] != b"Trace":
                if path and path[-1][at:at + 16] in line:
                    path.pop()  # it is begun anew
                continue
            if at is None:
                at = line.index(b"/") + 1
            pc = line[at:at + 16]
            if path is not None:
                path.append(line)
            hit = marks.get(pc)
            if hit is None:
                continue
            level = LEVELS.get(int(line[at + 23:at + 24], 16), 3)
            for kind in hit.get(level, ()):
                if kind[:4] == "row:":
                    row = kind[4:]
                    begin, end = self.rules.get(row, (None, None))
                    path = None
                    continue
                if kind[-2:-1] == "@" and kind[-1:] != line[6:7].decode():
                    continue
                if kind == end and path is not None:
                    if len(self.paths[row]) < self.samples:
                        self.paths[row].append([step_of(l, at) for l in path])
                    path = None
                if kind == begin:
                    path = [line] if kind == "vector" else []
        return self

    def all(self, row, cut=None):
        """The row's paths, after `cut` if given."""
        return [cut(path) if cut else path for path in self.paths.get(row, ())]

    def lengths(self, row, cut=None):
        return [len(path) for path in self.all(row, cut)]

    def median(self, row, cut=None):
        """The path of median length; None if the row did not occur."""
        paths = sorted(self.all(row, cut), key=len)
        return paths[len(paths) // 2] if paths else None


def counter_marks(binary, level=1, counter="CNTVCT_EL0"):
    """Marks of a program whose measured operations lie between two reads of the counter with an ISB each: "before", "after"; "handler" at the vector."""
    marks = {}
    for offset, code in binary.code.items():
        if code.mnemonic != "mrs" or counter not in code.operands.upper():
            continue
        follows, precedes = binary.code.get(offset + 4), binary.code.get(offset - 4)
        key = (level, offset + binary.base)
        if binary.symbol(offset + binary.base) == "vectors":
            marks.setdefault(key, []).append("handler")
        if follows and follows.mnemonic == "isb":
            marks.setdefault(key, []).append("before")
        if precedes and precedes.mnemonic == "isb":
            marks.setdefault(key, []).append("after")
    return marks


def record(command, recorder, log=None, timeout=120, done=rb"\| done\r"):
    """Runs `build/bulkhead run …` with the emulator's log going to the recorder, until the console shows `done` or it ends; returns what the console showed."""
    with tempfile.TemporaryDirectory() as folder:
        fifo = os.path.join(folder, "log")
        os.mkfifo(fifo)
        more = ["-singlestep", "-d", "exec,nochain", "-D", fifo]
        command = [*command, *([] if "--" in command else ["--"]), *more]
        shim = os.path.join(BUILD, "execlog.so")
        environment = dict(os.environ, LD_PRELOAD=shim) if os.path.exists(shim) else None
        child = subprocess.Popen(["timeout", str(timeout), *command], cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=environment, start_new_session=True)
        text = []

        def watch():
            tail = b""
            for piece in iter(lambda: child.stdout.read1(65536), b""):
                text.append(piece)
                tail = tail[-64:] + piece
                if re.search(done, tail):
                    child.terminate()
            try:  # if nobody ever wrote a log, do not wait for it
                os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                pass

        reader = threading.Thread(target=watch)
        reader.start()
        with open(fifo, "rb", buffering=1 << 20) as stream:
            recorder.read(stream)
        child.wait()
        reader.join()
    output = b"".join(text).decode(errors="replace")
    if log:
        with open(log, "w", encoding="utf-8") as file:
            file.write(output)
    return output
