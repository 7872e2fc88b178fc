"""What the notebooks of the flights project share."""
