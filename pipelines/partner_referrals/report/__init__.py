"""Draws the warehouse's figures on one HTML page that needs nothing else."""

from partner_referrals.report.report import read_targets, write_report

__all__ = ["read_targets", "write_report"]
