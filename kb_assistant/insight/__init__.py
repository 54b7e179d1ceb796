"""What the numbers say: metrics and evaluation."""
