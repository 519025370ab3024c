"""What tests share: records, loads, warehouses, engines and the plain-Python oracle."""
