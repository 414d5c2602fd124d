"""Proof that this machine and precision reproduce a model's golden files."""

from songbloom_x2.verify.report import Comparison, Skip, VerifyReport
from songbloom_x2.verify.run import verify

__all__ = ["Comparison", "Skip", "VerifyReport", "verify"]
