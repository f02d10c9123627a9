"""Line charts and bar charts as SVG files: as few elements as they need, the same bytes for the same data."""

import math

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 40, 48
COLOURS = ("#1f5fa8", "#c8501e", "#2f8f4e", "#7a4fa3", "#8a6d1d")


def short(value):
    for unit, factor in (("G", 10 ** 9), ("M", 10 ** 6), ("k", 10 ** 3)):
        if value >= factor:
            return f"{value / factor:g} {unit}"
    return f"{value:g}"


def steps(highest, log):
    """Where the vertical axis has its marks."""
    if log:
        return [10 ** n for n in range(0, math.ceil(math.log10(highest)) + 1)]
    unit = 10 ** math.floor(math.log10(highest))
    step = next(unit * f for f in (0.2, 0.5, 1, 2, 5) if highest / (unit * f) <= 6)
    return [step * n for n in range(0, math.ceil(highest / step) + 1)]


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{words}</text>'


def page(title, height):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>', text(LEFT, 22, title, "start", ' font-size="14" font-weight="bold"')]


def save(path, out):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*out, "</svg>"]) + "\n")


def chart(path, title, across, curves, log=False):
    """Writes a chart. `across`: what the horizontal axis shows, in steps of equal ratio; `curves`: name → [(x, y)]; `log`: the vertical axis, too."""
    xs = sorted({x for points in curves.values() for x, _ in points})
    marks = steps(max(y for points in curves.values() for _, y in points), log)
    low, high = (math.log10(marks[0]), math.log10(marks[-1])) if log else (0, marks[-1])
    span = math.log(xs[-1] / xs[0]) or 1

    def place(x, y):
        value = math.log10(max(y, 1)) if log else y
        return LEFT + math.log(x / xs[0]) / span * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = page(title, HEIGHT)
    for mark in marks:
        _, y = place(xs[0], mark)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>' + text(LEFT - 8, y + 4, short(mark), "end"))
    last = -WIDTH
    for x in xs:
        at = place(x, marks[0])[0]
        if at - last >= 30:
            out.append(text(at, HEIGHT - BOTTOM + 18, short(x)))
            last = at
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, across))
    taken = []
    for (name, points), colour in zip(curves.items(), COLOURS):  # labels, which must not cover each other, at the curves' ends
        places = [place(x, y) for x, y in points]
        out.append(f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in places)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        label = places[-1][1] + 4
        while any(abs(label - other) < 14 for other in taken):
            label -= 14
        taken.append(label)
        out.append(text(WIDTH - RIGHT + 12, label, name, "start", f' fill="{colour}"'))
    save(path, out)


BAR, NAMES = 13, 150  # from one bar to the next; width of the column of names
OTHERS, SMALL = "#b8bcc4", ' font-size="10"'


def bars(path, title, groups):
    """Writes a chart of bars from left to right, on a logarithmic axis. `groups`: name → ([(name, value)], what is promised, or None), the first bar the own."""
    marks = steps(max(value for rows, promised in groups.values() for value in [promised or 1, *(value for _, value in rows)]), True)
    height = TOP + sum(BAR * (len(rows) + 1) for rows, _ in groups.values()) + BOTTOM

    def across(value):
        return NAMES + LEFT + math.log10(max(value, 1)) / math.log10(marks[-1]) * (WIDTH - 2 * LEFT - NAMES)

    out = page(title, height)
    for mark in marks:
        out.append(f'<path d="M{across(mark):.1f} {TOP}V{height - BOTTOM}" stroke="#ddd"/>' + text(across(mark), height - BOTTOM + 18, short(mark)))
    y = TOP
    for name, (rows, promised) in groups.items():
        out.append(text(NAMES - 8, y + BAR, name, "end"))
        for i, (who, value) in enumerate(rows):
            width, colour = max(across(value) - across(1), 1), COLOURS[0] if i == 0 else OTHERS
            out.append(f'<rect x="{across(1):.1f}" y="{y + 3}" width="{width:.1f}" height="{BAR - 3}" fill="{colour}"/>')
            out.append(text(across(1) - 6, y + BAR - 1, who, "end", SMALL))
            out.append(text(across(max(value, promised or 0) if i == 0 else value) + 5, y + BAR - 1, f"{value:,}", "start", SMALL))
            y += BAR
        if promised:
            out.append(f'<path d="M{across(promised):.1f} {y - BAR * len(rows) + 1}v{BAR}" stroke="{COLOURS[1]}" stroke-width="2"/>')
        y += BAR
    out.append(text((NAMES + WIDTH) / 2, height - 10, f'instructions; the <tspan fill="{COLOURS[1]}">mark</tspan> is what is promised'))
    save(path, out)
