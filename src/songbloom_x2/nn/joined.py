"""Several projections of the same rows as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from songbloom_x2.nn.stored import StoredLinear, joined_stored


def joined(linears: Sequence[nn.Linear | StoredLinear]) -> nn.Linear | StoredLinear:
    """One projection that gives the outputs of several, one behind the other. They have no biases."""
    stored = [linear for linear in linears if isinstance(linear, StoredLinear)]
    if stored:
        return joined_stored(stored)
    weights = [linear.weight for linear in linears if isinstance(linear, nn.Linear)]
    with torch.device("meta"):
        joint = nn.Linear(weights[0].shape[1], sum(weight.shape[0] for weight in weights), bias=False)
    joint.weight = nn.Parameter(torch.cat([weight.detach() for weight in weights]), requires_grad=False)
    return joint
