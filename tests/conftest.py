# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the live and the end-to-end tests: the built programs, and a private root to run them in."""
import os
import signal
import sys

import pytest

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TESTS, "emulation"))

from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402

# A suite that was started in the background ignores interrupts, and so would all that it starts; some tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def programs():
    """The folder with turncoat and turncoatd; TRN_PROGRAMS names another build's."""
    place = os.environ.get("TRN_PROGRAMS", os.path.join(os.path.dirname(TESTS), "build", "bin"))
    if not os.path.exists(os.path.join(place, "turncoatd")):
        pytest.skip(f"no turncoatd in '{place}': build first, or set TRN_PROGRAMS")
    return place


@pytest.fixture
def bare_root():
    """A private root without turncoat."""
    try:
        with PrivateRoot() as root:
            yield root
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.fixture
def private_root(programs):
    """A private root with the built programs on its PATH."""
    try:
        with PrivateRoot(programs=programs) as root:
            yield root
    except NoPrivateRoot as e:
        pytest.skip(str(e))
