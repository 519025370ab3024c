"""Draws the warehouse's figures on one HTML page that needs nothing else."""

from partner_referrals.report.report import write_report

__all__ = ["write_report"]
