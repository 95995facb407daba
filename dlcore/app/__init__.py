"""The program `dlcore`: configuration, data and trainer made from it, folders of runs, predictions as files, the command line."""
