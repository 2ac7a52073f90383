"""What commands tell: how they fail, and what they are doing."""
