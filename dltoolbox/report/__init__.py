"""Reports that people send each other: the analysis as a document, as a page, and compared with another."""
