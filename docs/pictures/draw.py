#!/usr/bin/env python3
"""Draws a diagnosis as docs/pictures/diagnosis.svg: KPI, evidence of the first cause, path.

Usage: draw.py DIAGNOSES.jsonl > diagnosis.svg      (the last diagnosis of the journal)
The shipped picture shows tests/campaign/recordings/demo-net, replayed as campaign.replay does."""
import html
import json
import sys

WIDTH, CHART_LEFT, CHART_RIGHT, CHART_HEIGHT = 900, 84, 872, 96
INK, FAINT, LINE, MARK = "#1b2733", "#667788", "#0b62a3", "#c2410c"
SANS = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"


def text(x, y, words, size=13, color=INK, weight="normal", anchor="start"):
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{color}' {SANS} "
            f"font-weight='{weight}' text-anchor='{anchor}'>{html.escape(words)}</text>")


def wrapped(words, columns):
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= columns:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def seconds(value):
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def chart(top, title, series, began, bent):
    """One series over time, with the moment when it left its usual range."""
    points = [(at / 1000, value) for at, value in series["points"] if value is not None]
    first, last = points[0][0], points[-1][0]
    most = max(value for _at, value in points) or 1
    show = seconds if series["unit"] == "s" else lambda value: f"{value:.3g}"

    def across(at):
        return CHART_LEFT + (at - first) / (last - first) * (CHART_RIGHT - CHART_LEFT)

    def up(value):
        return top + 24 + CHART_HEIGHT * (1 - value / most)

    path = " ".join(f"{across(at):.1f},{up(value):.1f}" for at, value in points)
    base = up(0)
    yield text(CHART_LEFT, top + 12, title, weight="bold")
    yield f"<line x1='{CHART_LEFT}' x2='{CHART_RIGHT}' y1='{base}' y2='{base}' stroke='#c5ced6'/>"
    yield text(CHART_LEFT - 8, up(most) + 5, show(most), 11, FAINT, anchor="end")
    yield text(CHART_LEFT - 8, base + 4, "0", 11, FAINT, anchor="end")
    yield (f"<line x1='{across(began):.1f}' x2='{across(began):.1f}' y1='{top + 20}' y2='{base}' "
           f"stroke='{MARK}' stroke-dasharray='4 3'/>")
    lead = bent - began
    label = "degrades" if lead == 0 else f"abnormal {lead:.0f} s before"
    yield text(across(began) - 6, top + 34, label, 11, MARK, anchor="end")
    yield f"<polyline points='{path}' fill='none' stroke='{LINE}' stroke-width='2'/>"


def drawn(diagnosis):
    kpi = diagnosis["Resource"]["abnormal_kpi"]
    cause = diagnosis["Resource"]["cause_metrics"][0]
    bent = kpi["timestamp"] / 1000
    yield from (text(24, 32 + 19 * i, line, 14, weight="bold")
                for i, line in enumerate(wrapped(kpi["desc"], 96)))
    yield from chart(70, f"{kpi['metric_id']} ({kpi['statistic']})", kpi["series"], bent, bent)
    y = 228
    said = diagnosis["Attributes"]
    yield text(24, y, f"Cause, confidence {said['confidence']:.2f}, "
                      f"{said['seconds_to_diagnosis']:.1f} s after it began:", 13, FAINT)
    yield from (text(24, y + 21 + 19 * i, line, 14, MARK, "bold")
                for i, line in enumerate(wrapped(cause["desc"], 96)))
    yield from chart(286, cause["metric_id"], cause["evidence"][0], cause["timestamp"] / 1000, bent)
    steps = []
    for step in cause["path"]:
        name = step["metric_id"].removeprefix("gala_gopher_")
        steps.append(f"{step['metric_labels'].get('comm', '')} {name}".strip())
    yield text(24, 446, "Path:  " + "   →   ".join(steps), 13)


def main():
    with open(sys.argv[1], encoding="utf-8") as journal:
        diagnosis = json.loads(journal.readlines()[-1])
    print(f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='470' "
          f"viewBox='0 0 {WIDTH} 470'>")
    print(f"<rect width='{WIDTH}' height='470' rx='8' fill='#ffffff' stroke='#c5ced6'/>")
    print("\n".join(drawn(diagnosis)))
    print("</svg>")


if __name__ == "__main__":
    main()
