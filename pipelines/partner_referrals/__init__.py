"""A Microsoft partner's referrals, from Partner Center to funnel figures in DuckDB."""
