"""What people look at: charts, tables, the Excel workbook, the HTML report, and the panels of the notebooks."""
