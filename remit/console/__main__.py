"""`python -m remit.console`."""

import sys

from remit.importing import for_good

with for_good():
    from remit.console.serving import main

sys.exit(main())
