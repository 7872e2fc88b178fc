"""Gates: what a version is judged by, the evidence it is judged on, and the verdicts."""
