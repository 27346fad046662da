"""Base classes for what is written as JSON and read back: immutable, and an unknown field is an error."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FiniteModel(FrozenModel):
    """A `FrozenModel` that also refuses infinite and NaN numbers."""

    model_config = ConfigDict(allow_inf_nan=False)
