"""Runs inside the kernel's own interpreter, which may not have Gristmill installed: loaded by path
under the name `_gristmill_warm`, it imports nothing of Gristmill.
"""
