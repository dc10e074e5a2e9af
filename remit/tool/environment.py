"""The environment that a contract gives to a process: each variable by reference, and no others."""

from typing import Annotated

from pydantic import Field

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]

Environment = dict[Variable, str]
"""Variable to a secret reference, see `remit.tool.secret`."""
