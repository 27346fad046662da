"""For the tests of plug-ins: checks that hold one to all that the harness asks of it, and small worlds to check it in.

    from steerbench.testing import check_method

    def test_my_method_keeps_the_contract():
        check_method("my-method")

A check raises an AssertionError that lists everything that is wrong, each with what to do; no pytest is needed.
"""

from steerbench.testing.toy_engine import ToyEngine, toy_engine

__all__ = ["ToyEngine", "toy_engine"]
