"""Dashboards: a page that needs no kernel, and a Voila notebook to explore with."""
