"""Lists what a filter selects, page by page, verified against the server's total."""
