"""Tables that an academy hands out: any rows of its own as a workbook that people recognise."""
