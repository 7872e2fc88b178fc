"""The prediction log as counts by hour, built as it grows."""
