"""Steps from notebooks, the DAG between them, and what must run. Pure: values in, values out."""
