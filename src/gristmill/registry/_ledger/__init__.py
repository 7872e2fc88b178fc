"""The ledger: who did what, when and why; append-only, chained by hash, signed."""
