# SPDX-License-Identifier: Apache-2.0
"""Do the programs for kernels before 5.17 tell the same? Asks what the other tests of the sensor ask, of the second object."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = [f"test_sensor_{name}.py" for name in ("process", "network", "listen", "stream", "access", "32bit")]


@pytest.mark.parametrize("name", FILES)
def test_the_second_object_tells_the_same(name):
    """What it cannot tell is marked in the tests by sensor_client.COMPAT."""
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name],
        cwd=HERE,
        env={**os.environ, "TRN_COMPAT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert answer.returncode == 0, answer.stdout[-6000:]
    last = answer.stdout.rstrip().splitlines()[-1]
    if "passed" not in last:
        pytest.skip(last)
