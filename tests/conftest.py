"""Puts the toy plug-ins (tests/testkit) on the path: found like any installed package's."""

import sys
from pathlib import Path

TESTKIT = Path(__file__).parent / "testkit"
sys.path.insert(0, str(TESTKIT))
