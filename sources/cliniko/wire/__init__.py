"""HTTP/1.1 between the API's client and a network: connections, and what is said on them."""
