"""Questions of programs that are not trusted: metrics, and SQL in a locked process."""
