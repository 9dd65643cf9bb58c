"""What every kind shares that reads or makes documents: pictures, PDFs, spreadsheets."""
