# SPDX-License-Identifier: Apache-2.0
"""Is a first contact a story at the local socket within a second? From the kernel's stamp of the act to the line that tells it."""
import os

import delay
import pytest
from private_root import NoPrivateRoot


def test_a_first_contact_is_told_within_a_second(programs):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    try:
        found = [delay.measure(programs)]
        if found[0].get("first-contact", 9) >= 1:  # a machine that stalled for a moment gets one more try
            found.append(delay.measure(programs))
    except NoPrivateRoot as e:
        pytest.skip(str(e))
    assert min(run.get("first-contact", 9) for run in found) < 1, found
    assert all(seconds > 0 for run in found for seconds in run.values()), found
