"""Around a step: may it begin, one attempt at it, how it ended, what is written down."""
