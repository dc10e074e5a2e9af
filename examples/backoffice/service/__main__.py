"""Start the service: `python -m examples.backoffice.service`, or by the path of this folder."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

_HERE = Path(__file__).resolve().parent
if not __package__:
    # Started by path: this folder's own modules must be found as a package, not one by one.
    sys.path[0] = str(_HERE.parent)

sys.exit(import_module(f"{__package__ or _HERE.name}.server").main())
