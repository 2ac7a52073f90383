"""Models by URI: what resolves them, and a content-addressed store that keeps them.

What fetches and keeps local folders and HTTP archives needs the standard library only and runs on Python 3.9, for
repository rules use it under the host's interpreter. `s3` imports boto3 and `tracking` imports MLflow, when first used;
`metadata` needs PyYAML.
"""
