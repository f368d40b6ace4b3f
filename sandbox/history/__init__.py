"""The two years before an account is opened: rosters, visits, and every other list."""
