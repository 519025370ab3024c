"""Lets `python -m partner_referrals` run the command line."""

from partner_referrals.cli import main

main()
