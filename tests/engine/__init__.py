"""The engine process, part by part and as a whole."""

import pytest

pytest.register_assert_rewrite("tests.engine.alone", "tests.engine.real")
