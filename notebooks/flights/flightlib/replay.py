"""Later flights as traffic: what the service is asked, and what turned out to be true."""

from __future__ import annotations

from datetime import date

import pandas as pd

from flightlib import data
from flightlib.features import labelled


def replay(start: date, end: date, sample: int, seed: int) -> pd.DataFrame:
    """Up to `sample` landed flights with New York dates `start` <= day < `end`, in order of time.

    Columns: the model's features, `scheduled` (UTC, the time of the event) and `late`, which the
    service must not see before the flight has arrived. The same seed gives the same flights.
    Raises ValueError for an empty window.
    """
    flights = data.landed(data.departures(start, end))
    if sample < len(flights):
        flights = flights.sample(sample, random_state=seed).sort_index(ignore_index=True)
    joined = data.join(flights, data.observations(), data.planes(), data.airports())
    return labelled(joined).sort_values("scheduled", kind="stable", ignore_index=True)
