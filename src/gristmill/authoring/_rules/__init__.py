"""What lint says of a notebook's text. Pure."""
