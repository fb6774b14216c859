"""Notebook runs on papermill: started in a child process, recorded in a folder of their own, told apart honestly."""
