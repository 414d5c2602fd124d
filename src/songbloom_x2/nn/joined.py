"""Several projections of the same rows as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def joined(linears: Sequence[nn.Linear]) -> nn.Linear:
    """One projection that gives the outputs of several, one behind the other. They have no biases."""
    weights = [linear.weight for linear in linears]
    with torch.device("meta"):
        joint = nn.Linear(weights[0].shape[1], sum(weight.shape[0] for weight in weights), bias=False)
    joint.weight = nn.Parameter(torch.cat([weight.detach() for weight in weights]), requires_grad=False)
    return joint
