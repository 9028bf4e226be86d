"""The charts, one file each: from a summary to a matplotlib figure. matplotlib is imported when a chart is drawn."""
