"""Sources of data, one package each."""
