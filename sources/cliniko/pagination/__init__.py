"""Paginated reads: keyset, page links, partitions, bisection."""
