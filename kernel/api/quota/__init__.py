"""What ResourceQuotas count, and how their counts are kept within each write."""
