"""Declarations of conflict minerals: read from files, followed through what a product was made of, rolled up.

filled = files.read_declaration(Path("cmrt.xlsx"))
found = book.Book.read(deployment)
found.way(product)                    # what `ConflictMinerals.evaluate` takes
workbook.sheets(found, product, names, 2027)
"""
