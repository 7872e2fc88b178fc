"""What a version promised, every window judged against it, and the report."""
