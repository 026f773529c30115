"""What a sweep has found: choice, tables, plots and pages."""
