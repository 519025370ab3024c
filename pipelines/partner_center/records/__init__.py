"""Reads answers of Partner Center into Arrow rows."""
