"""Signs requests as a partner user: a given token, or MSAL with a token cache on disk."""
