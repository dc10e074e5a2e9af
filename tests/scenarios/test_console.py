"""The console that `remit up` starts with the example's stack."""

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("office")]
