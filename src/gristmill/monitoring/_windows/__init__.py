"""What a version is compared with, every window judged against it, and the report."""
