"""The fields of a referral, its Arrow schemas, its dlt hints and its content hash."""
