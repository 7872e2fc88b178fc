"""Where messages go: alerts, requests for a decision, decisions."""
