"""Model versions: registered with evidence, judged by gates, promoted and rolled back by ledger."""
