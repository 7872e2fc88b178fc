"""What a run or version was made from."""
