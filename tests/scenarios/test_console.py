"""The console that `remit up` starts with the example's stack."""

import httpx2
import pytest
from temporalio.client import Client

from remit.cli.stack import stack
from tests.running import start, waits
from tests.scenarios.office import Office, purchase

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("office")]
