"""One look for the plots."""

from __future__ import annotations

INK = "#22303c"
BLUE = "#2a6f97"
ORANGE = "#d9702a"
GREEN = "#5b8c5a"
COLOURS = {"logistic": GREEN, "forest": ORANGE, "xgboost": BLUE}


def style() -> None:
    """Set matplotlib's defaults for the notebook."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "figure.figsize": (7.5, 3.4),
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e4e8eb",
            "legend.frameon": False,
        }
    )
