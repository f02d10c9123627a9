"""Line charts as SVG files: as few elements as they need, the same bytes for the same data."""

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


def chart(path, title, across, curves, log=False):
    """Writes a chart. `across`: what the horizontal axis shows, in steps of equal ratio; `curves`: name → [(x, y)]; `log`: the vertical axis, too."""
    xs = sorted({x for points in curves.values() for x, _ in points})
    marks = steps(max(y for points in curves.values() for _, y in points), log)
    low, high = (math.log10(marks[0]), math.log10(marks[-1])) if log else (0, marks[-1])
    span = math.log(xs[-1] / xs[0]) or 1

    def place(x, y):
        value = math.log10(max(y, 1)) if log else y
        return LEFT + math.log(x / xs[0]) / span * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', text(LEFT, 22, title, "start", ' font-size="14" font-weight="bold"')]
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
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
