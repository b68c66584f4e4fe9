"""IB's statements in a data folder: the files as IB sent them, and the rows that they give."""
