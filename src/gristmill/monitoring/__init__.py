"""Windows of the prediction log judged against what a version was trained on; alerts; repair."""
