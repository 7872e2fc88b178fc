"""Which formats are known, the signatures of what will be loaded, and the one place that loads."""
