"""Approvals: n of m people, on exactly these bytes and this gate report."""
