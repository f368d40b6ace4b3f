"""What is counted: the figures, the rows behind them, and downloads."""
