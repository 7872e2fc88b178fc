"""One notebook's cells executed: through papermill on a kernel, or in a forked shell."""
