"""Child processes: other people's programs, run with little to see, little to use and an end.

`launcher`, `landlock` and `seccomp` run in the child before the program does, in an interpreter without
site-packages: they import the standard library and one another only, and this file imports nothing.
"""
