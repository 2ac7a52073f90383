"""A model's answers to every row of a file, in memory that does not grow with the file.

Files are read in pieces, each of them is a request of MLflow's scoring protocol (so that every cell is read as MLflow's
own server reads it), and the answers are written in the order of the rows.
"""
