"""Tables of what was measured, in Markdown that also reads well on a terminal."""

import statistics


class Column:
    """One figure of a result: `figure(round, result)` or None where there is none."""

    def __init__(self, title, figure, form, with_spread=False):
        self.title = title
        self.figure = figure
        self.form = form
        self.with_spread = with_spread


def figures(column, result):
    values = (column.figure(r, result) for r in result["rounds"])
    return [v for v in values if v is not None]


def count(value):
    return f"{value:,.0f}"


def digits(n):
    return lambda value: f"{value:,.{n}f}"


def rate(a_round, result):
    return result["orders"] / a_round["seconds"]


def steady_rate(a_round, result):
    first = a_round["first_seconds"]
    return result["orders"] / (a_round["seconds"] - first) if first and a_round["seconds"] > first else None


RUN_COLUMNS = [
    Column("msg/s", rate, count, with_spread=True),
    Column("msg/s after the first", steady_rate, count),
    Column("CPU µs/msg", lambda r, result: r["cpu_seconds"] * 1e6 / result["orders"], digits(1)),
    Column("peak MB", lambda r, result: r["peak_bytes"] / 1e6, count),
    Column("MB written", lambda r, result: r["written_bytes"] / 1e6, count),
]


def field(name, title, form=count, scale=1, with_spread=False):
    """A figure as it was measured; `scale` divides it."""
    return Column(title, lambda r, _: None if r.get(name) is None else r[name] / scale, form, with_spread)


LATENCY_COLUMNS = [
    field("p99_ms", "p99 ms", with_spread=True),
    field("p50_ms", "p50 ms"),
    field("p999_ms", "p99.9 ms"),
    field("max_ms", "max ms"),
    field("rate", "msg/s"),
]
STARTUP_COLUMNS = [
    field("first_seconds", "first line after ms", scale=0.001, with_spread=True),
    field("cpu_seconds", "CPU ms", scale=0.001),
    field("peak_bytes", "peak MB", scale=1e6),
]
RECOVERY_COLUMNS = [
    field("seconds", "first new line after s", digits(2), with_spread=True),
    field("journal_bytes", "journal MB", scale=1e6),
    field("beyond_bytes", "of it behind the sidecar", scale=1e6),
]
MEMORY_COLUMNS = [field(f"quarter{q}_bytes", f"MB in quarter {q}", scale=1e6) for q in (1, 2, 3, 4)] + [
    Column("msg/s", lambda r, _: r["orders"] / r["seconds"], count),
    field("written_bytes", "MB written", scale=1e6),
]
IDLE_COLUMNS = [
    field("cpu_percent", "% of a core", digits(2), with_spread=True),
    field("wakes_per_second", "wake-ups/s", digits(1)),
]


def median(values):
    return statistics.median(values) if values else None


def cells_of(column, result):
    values = figures(column, result)
    middle = column.form(median(values)) if values else "-"
    if not column.with_spread:
        return [middle]
    return [middle, f"{column.form(min(values))}..{column.form(max(values))}" if values else "-"]


def table(heads, rows):
    """Lines of a Markdown table; all but the first column to the right."""
    widths = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]

    def line(cells):
        return "| " + " | ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return [line(heads), rule, *map(line, rows)]


def tabulate(columns, first_head, results, ours=None):
    """One row for each result; with `ours`, a name, also the ratio of its first column to the row's."""
    base = next((median(figures(columns[0], r)) for r in results if r["name"] == ours), None)
    heads = [first_head]
    for i, column in enumerate(columns):
        heads += [column.title, "min..max"] if column.with_spread else [column.title]
        if i == 0 and ours:
            heads.append("of ours")
    rows, notes = [], []
    for result in results:
        cells = [result["name"]]
        for i, column in enumerate(columns):
            cells += cells_of(column, result)
            if i == 0 and ours:
                value = median(figures(column, result))
                cells.append(f"{value / base:.2f}" if value and base else "-")
        rows.append(cells)
        if result.get("problem"):
            notes.append(f"- {result['name']}: {result['problem']}")
    return table(heads, rows) + ([""] + notes if notes else [])
