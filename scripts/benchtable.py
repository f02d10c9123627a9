"""Tables of what was measured, against promises and peers: for the terminal, build/bench/results.md and the documents (scripts/spec-table)."""

import os
import tomllib

import plot

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = {"jailhouse": "Jailhouse", "bao": "Bao", "xen": "Xen 4.17", "xen_null": "Xen 4.23 null", "kvm": "KVM", "xvisor": "Xvisor"}
BOARD = "a57.gicv3"

# Rows in the order of the tables, and what they are.
ROWS = {
    "hvc_null": "null hypercall",
    "multicall16": "16 calls in one, with a capability look-up each",
    "multicall16_kick": "the same, of a vCPU that nobody is in: next to nothing but the look-up",
    "smc_psci": "constant answer to a firmware call",
    "sysreg_idreg": "read of an ID register",
    "gicd_typer_rd": "read of the interrupt distributor, by way of the user-level monitor",
    "gicd_isenabler_wr": "write to it that enables nothing, likewise",
    "gicd_isenabler_line": "the same, enabling a line",
    "uart_fr_rd": "poll of the emulated UART, whose registers are memory while no input is there",
    "sgi_self": "interrupt to itself, until the handler",
    "eoi": "end of interrupt",
    "vtimer_spin": "virtual timer until the handler, guest spinning",
    "vtimer_wfi_50us": "the same, asleep for 50 µs",
    "vtimer_wfi_1ms": "the same, asleep for 1 ms",
    "vtimer_wfi_shared": "the same, asleep for 50 µs, another VM running on the CPU",
    "vtimer_wfi_noise": "the same, where that VM keeps memory and traps busy",
    "vtimer_traploop": "virtual timer while the guest traps all the time (worst)",
    "ipi_spin": "interrupt to a spinning vCPU on another CPU",
    "ipi_wfi": "the same, to a sleeping one",
    "device_irq": "interrupt of a passed-through device, until the handler",
    "doorbell_other_cpu": "doorbell, until the component on another CPU runs",
    "portal_round_trip": "call of a portal of another component, and back",
    "signal_same_cpu": "signal raised, until the waiter runs",
    "multicall_wake": "the same, raised in a batch of calls",
    "vm_switch": "from one VM's WFI to the CPU's other VM",
    "vm_switch_fp": "the same, FP registers used by both",
    "first_touch_64mib": "first store to each page of 64 MiB",
    "boot_phys": "reset to the guest's first instruction",
    "cpu_loop": "10 million instructions of computing",
    "memory_loop": "4 MiB read and written",
}
SIZES = {
    "kernel_text_bytes": "kernel text, bytes",
    "kernel_memory_bytes": "kernel memory with the demo's two VMs on four CPUs, bytes",
    "privileged_lines": "privileged lines of code",
}


def read_peers():
    with open(os.path.join(TOP, "bench/peers.toml"), "rb") as file:
        return tomllib.load(file)


def number(value):
    if value is None or value == "":
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def short(value):
    """A count for a narrow column."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.5f}"
    if value >= 1_000_000:
        return f"{value / 1_000_000:,.{0 if value >= 20_000_000 else 2}f} M"
    return f"{value / 1000:,.0f} k" if value >= 100_000 else f"{value:,}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


RATIOS = ("cpu_loop", "memory_loop")  # promised as ratios to bare


def value_of(name, row):
    """What of a row the promise is about."""
    return row.get("value", row.get("max" if name == "vtimer_traploop" else "ratio" if name in RATIOS else "p50"))


def peer_value(name, peer, peers):
    value = peers.get(name, {}).get(peer)
    return round(value / peers[name]["bare"], 5) if value and name in RATIOS else value


def best_peer(name, peers):
    known = {peer: peer_value(name, peer, peers) for peer in PEERS if peer in peers.get(name, {})}
    return min(known.items(), key=lambda item: item[1]) if known else None


def peers_table(results):
    """Bulkhead's rows beside everybody's."""
    peers = read_peers()
    rows = []
    for name, text in {**ROWS, **SIZES}.items():
        own = results.get(f"{BOARD}.{name}") or results.get(f"size.{name}")
        if own:
            bare = 1 if name in RATIOS else own.get("bare")
            rows.append((f"`{name}` {text}", short(value_of(name, own)), short(own.get("goal")), short(bare), *(short(peer_value(name, peer, peers)) for peer in PEERS)))
    return table(("", "Bulkhead", "promised", "bare", *PEERS.values()), rows)


def costs_table(results):
    """Costly operations per path."""
    import execlog

    rows = []
    for name in ROWS:
        row = results.get(f"{BOARD}.{name}", {})
        if "costs" in row:
            limits = row.get("cost_limits", {})
            cells = [f"{row['costs'].get(cost, 0)}" + (f" (≤ {limits[cost]})" if cost in limits and limits[cost] != row["costs"].get(cost, 0) else "")
                     for cost in execlog.COSTS]
            rows.append((f"`{name}`", number(sum(row["functions"].values())), *(cell if cell != "0" else "" for cell in cells)))
    return table(("path", "instructions", *execlog.COSTS), rows)


def board_cell(name, row):
    accesses = (row or {}).get("costs", {}).get("mmio")
    return number(row and value_of(name, row)) + (f" ({accesses} mmio)" if accesses else "")


def boards_table(results):
    """The same rows on other processors and with GICv2."""
    boards = list(dict.fromkeys(key.rsplit(".", 1)[0] for key in results if key.count(".") == 2))
    rows = []
    for name in ROWS:
        cells = [results.get(f"{board}.{name}") for board in boards]
        if sum(cell is not None for cell in cells) > 1:
            rows.append((f"`{name}`", *(board_cell(name, cell) for cell in cells)))
    return table(("median, worst for vtimer_traploop", *boards), rows)


# File → title, rows.
PICTURES = {
    "exits": ("Exits, to the guest's next instruction", ("hvc_null", "smc_psci", "sysreg_idreg", "gicd_typer_rd", "gicd_isenabler_wr", "gicd_isenabler_line", "uart_fr_rd")),
    "interrupts": ("Interrupts, until the handler", ("sgi_self", "vtimer_spin", "vtimer_wfi_50us", "vtimer_wfi_1ms", "vtimer_wfi_shared", "vtimer_traploop", "ipi_spin",
                                                     "ipi_wfi", "device_irq")),
    "components": ("Components, and two VMs on one CPU", ("multicall16", "doorbell_other_cpu", "portal_round_trip", "signal_same_cpu", "multicall_wake", "vm_switch",
                                                            "vm_switch_fp")),
    "whole": ("Reset to the guest's first instruction; first store to each page of 64 MiB", ("boot_phys", "first_touch_64mib")),
}


def draw(folder, results):
    """Bars of what was measured beside the peers', one picture per kind; the names of the files."""
    peers = read_peers()
    files = []
    for kind, (title, names) in PICTURES.items():
        groups = {}
        for name in names:
            own = results.get(f"{BOARD}.{name}")
            if own:
                others = [(who, peers[name][peer]) for peer, who in PEERS.items() if peer in peers.get(name, {})]
                groups[name] = ([("Bulkhead", value_of(name, own)), *others], own.get("goal"))
        if groups:
            files.append(f"paths-{kind}.svg")
            plot.bars(os.path.join(folder, files[-1]), title, groups)
    return files


def write(path, results):
    pictures = draw(os.path.dirname(path), results)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Instructions, medians\n\n" + peers_table(results) + "\n\n" + "\n".join(f"![{name}]({name})" for name in pictures) + "\n\n# Costly operations per path\n\n" + costs_table(results)
                   + "\n\n# Boards\n\n" + boards_table(results) + "\n")


def show(results):
    print(f"{'':32}{'bare':>14}{'p50':>14}{'max':>14}{'limit':>10}{'goal':>10}")
    for key, row in results.items():
        if "value" in row:
            columns = f"{'':>14}{row['value']:>14}{'':>14}"
        elif "guest" in row:
            columns = f"{row['bare']:>14.0f}{row['guest']:>14.0f}{row['ratio']:>14.4f}"
        else:
            columns = f"{row['bare'] if row['bare'] is not None else '-':>14}{row['p50']:>14}{row['max']:>14}"
        print(f"{key:32}{columns}{row.get('limit', ''):>10}{row.get('goal', ''):>10}")
