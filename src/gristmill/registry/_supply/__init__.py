"""The packages of a version's environment, and what is known of them."""
