"""Numbers and verdicts as a person reads them."""

from __future__ import annotations

import math


def format_percent(share: float) -> str:
    """A share in percent, to two significant digits below ten.

    Parameters
    ----------
    share
        From 0 to 1.
    """
    value = 100 * share
    return f"{value:.0f} %" if abs(value) >= 10 else f"{value:.2g} %"


def format_amount(value: float) -> str:
    """A number to three significant digits, without an exponent where a person needs none.

    Parameters
    ----------
    value
        The number.
    """
    if value != 0 and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3g}"
    digits = 0 if value == 0 else 2 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def status_text(stored: str) -> str:
    """A verdict as screens show it.

    Parameters
    ----------
    stored
        The verdict as records hold it.
    """
    return stored.upper() if stored == "inconclusive" else stored


def format_signed(value: float) -> str:
    """A difference with its sign and four decimals.

    Parameters
    ----------
    value
        The difference.
    """
    return f"{value:+.4f}".replace("-", "−")
