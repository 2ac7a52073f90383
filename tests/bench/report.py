"""What a benchmark found: as a table, as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import rich.console
import rich.table

matplotlib.use("Agg")
from matplotlib import pyplot

_LOG_WIDTH = 140


@dataclasses.dataclass(frozen=True)
class Result:
    """One case, measured on both sides in turn.

    Attributes:
      case: its name.
      unit: of the values.
      ours: values of this project, one a round.
      peer: values of the other side; empty where there is none.
      peer_name: who the other side is.
      goal: what the ratio should be, as text, such as `<= 0.8`.
    """

    case: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float]
    peer_name: str
    goal: str

    @property
    def ratio(self) -> float | None:
        """Median of ours by median of the peer's; None without a peer."""
        return statistics.median(self.ours) / statistics.median(self.peer) if self.peer else None

    def as_json(self) -> dict[str, object]:
        """The row that `--json` writes."""
        return {
            "case": self.case,
            "unit": self.unit,
            "ours": statistics.median(self.ours),
            "peer": statistics.median(self.peer) if self.peer else None,
            "peer_name": self.peer_name,
            "ratio": self.ratio,
            "goal": self.goal,
            "runs": len(self.ours),
        }


def table(results: Sequence[Result]) -> rich.table.Table:
    """Medians, their spread, ratios and goals, in columns."""
    drawn = rich.table.Table("case", "unit", "ours", "peer", "ratio", "goal", "runs")
    for result in results:
        ratio = "-" if result.ratio is None else f"{result.ratio:.2f}"
        peer = _spread(result.peer) if result.peer else "-"
        drawn.add_row(result.case, result.unit, _spread(result.ours), peer, ratio, result.goal, str(len(result.ours)))
    return drawn


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):,.4g} [{min(values):,.4g} .. {max(values):,.4g}]"


def write_json(results: Sequence[Result], path: Path) -> None:
    """The list of rows."""
    path.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n", encoding="utf-8")


def publish(results: Sequence[Result], json_file: str, plot_file: str, title: str) -> None:
    """Print the table; write the rows and the plot where a file is named."""
    # In a log nothing may be cut off.
    rich.console.Console(width=None if sys.stdout.isatty() else _LOG_WIDTH).print(table(results))
    if json_file:
        write_json(results, Path(json_file))
    if plot_file:
        draw(results, Path(plot_file), title)


def draw(results: Sequence[Result], path: Path, title: str) -> None:
    """Each round's value by the peer's median, one line of dots a case, on a logarithmic axis."""
    compared = [result for result in results if result.peer]
    figure, axes = pyplot.subplots(figsize=(9, 0.6 * len(compared) + 1.6), layout="constrained")
    for row, result in enumerate(compared):
        base = statistics.median(result.peer)
        for values, colour, label in ((result.peer, "0.6", result.peer_name), (result.ours, "tab:blue", "ours")):
            ratios = [value / base for value in values]
            axes.plot(ratios, [row] * len(ratios), "o", color=colour, alpha=0.6, label=label if row == 0 else None)
            axes.plot(statistics.median(ratios), row, "|", color=colour, markersize=22, markeredgewidth=3)
    axes.axvline(1, color="0.8", zorder=0)
    axes.set_xscale("log")
    axes.set_yticks(range(len(compared)), [f"{result.case}\n(goal {result.goal})" for result in compared])
    axes.invert_yaxis()
    axes.set_xlabel("value : median of the peer")
    axes.set_title(title)
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
