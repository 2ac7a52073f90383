"""MLflow's scoring protocol in front of a Triton server: see app.py."""
