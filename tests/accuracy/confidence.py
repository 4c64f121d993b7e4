"""How often answers with a score are right: a logistic curve, and how well it holds."""
import math


def fit(points):
    """Offset and weight of the logistic curve through (score, right?): Newton's method with a
    little ridge."""
    a = b = 0.0
    for _ in range(100):
        ga, gb, haa, hab, hbb = 0.0, -0.02 * b, 0.02, 0.0, 0.02
        for value, right in points:
            p = 1 / (1 + math.exp(-(a + b * value)))
            ga += right - p
            gb += (right - p) * value
            haa += p * (1 - p)
            hab += p * (1 - p) * value
            hbb += p * (1 - p) * value * value
        determinant = haa * hbb - hab * hab
        a += (hbb * ga - hab * gb) / determinant
        b += (haa * gb - hab * ga) / determinant
    return a, b


def rated(points, a, b):
    """(confidence, right?) of each (score, right?)."""
    return [(1 / (1 + math.exp(-(a + b * value))), right) for value, right in points]


def reliability(answers):
    """A table of (confidence, right?): what was promised, and what was kept."""
    lines = ["| confidence | answers | mean confidence | right |", "|---|---|---|---|"]
    for low, high in ((0, 0.5), (0.5, 0.9), (0.9, 0.97), (0.97, 1.01)):
        inside = [(p, right) for p, right in answers if low <= p < high]
        if inside:
            lines.append(f"| {low:.2f} to {min(high, 1):.2f} | {len(inside)} | "
                         f"{sum(p for p, _ in inside) / len(inside):.2f} | "
                         f"{sum(right for _, right in inside) / len(inside):.2f} |")
    return "\n".join(lines)
