"""`python -m remit.console`."""

import sys

from remit.console.serving import main

sys.exit(main())
