"""The API client: requests, rate limit, retries, filters, JSON to columns."""
