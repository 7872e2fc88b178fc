"""`gristmill trust`."""

from __future__ import annotations

import argparse
from pathlib import Path

from gristmill.cli import _out as out


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill trust`."""
    parser.add_argument(
        "path", nargs="?", type=Path, help="project, or folder of projects (default: this project)"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--revoke", action="store_true", help="trust it no longer")
    action.add_argument("--list", action="store_true", help="print the folders that are trusted")


def main(args: argparse.Namespace) -> int:
    """Trust a folder, end that, or print the folders that are trusted."""
    from gristmill.workspace_trust import revoke_trust, trust, trusted_folders

    if args.list:
        for folder in trusted_folders():
            out.say(str(folder))
    elif args.revoke:
        out.say(f"{revoke_trust(args.path)} is no longer trusted.")
    else:
        out.say(f"{trust(args.path)} is trusted.")
    return 0
