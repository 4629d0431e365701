"""Generators: each is a function that gives a synthetic set from a request.

A new one is a file with such a function and a line in ``synthpath_kedro.study.generators.GENERATORS``.
"""

from synthpath_kedro.generators.request import Request, generate

__all__ = ["Request", "generate"]
