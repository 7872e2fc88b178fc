"""Kernels forked from a server that has already imported the notebook's libraries.

`server`, `child` and `wire` run inside the kernel's own interpreter, which may not have Gristmill
installed: they are loaded by path under the name `_gristmill_warm` and import nothing of
Gristmill. `preload`, `client`, `provisioner` and `doctor` run on the side that asks for kernels.
"""
