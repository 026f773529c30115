"""What the words of tables, reports and pages mean."""
