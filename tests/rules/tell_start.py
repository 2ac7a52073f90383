"""Tells how the interpreter was started, as JSON."""

import json
import os
import sys

print(
    json.dumps(
        {
            "hash": hash("text"),
            "environ": sorted(key for key in os.environ if key.startswith("PYTHON")),
            "path": sys.path,
            "user_site": sys.flags.no_user_site == 0,
        }
    )
)
