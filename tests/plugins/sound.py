"""A sound plug-in of each kind that inherits from no contract: what tests break."""

METHOD = """
from steerbench.contracts import Method
from steerbench.contracts.steering import Reply, Steering

class Mine:
    name = "mine"
    needs_model = True
    strengths = (0.0, 8.0)

    def fit(self, engine, targets):
        return [Steering() for _ in targets]
"""
TASK = """
from steerbench.contracts import Sampling, Summary

class Mine:
    name = "mine"
    sampling = Sampling()

    def identity(self):
        return {}

    def targets(self, split):
        return []

    def items(self, target, split):
        return []

    def request(self, item, target, steering): ...

    def score(self, item, target, outcome): ...

    def unseal(self): ...

    def summarise(self, rows, seed):
        return Summary({})
"""
JUDGE = """
class Mine:
    name = "mine"
    qualities = frozenset({"fluency"})
    needs_model = False

    def identity(self):
        return {}

    def rate(self, cases, engine):
        yield {}
"""
ENGINE = """
class Mine:
    name, architecture = "mine", "toy"
    layers = heads = neurons = width = vocabulary = context = 4

    @classmethod
    def load(cls, spec, dtype=None, device=None, chat_template=None):
        return cls()

    def identity(self):
        return {}

    def tokenize(self, prompt): ...

    def lengths(self, requests): ...

    def batches(self, requests): ...

    def choose(self, requests): ...

    def generate(self, requests, sampling): ...

    def capture(self, requests, sites, front=0): ...
"""
