"""Models of flavors with libraries of their own: boosters.py and graphs.py say which."""

from __future__ import annotations

import boosters
import graphs
import saving

if __name__ == "__main__":
    saving.main(
        boosters.all_boosters() | graphs.all_graphs(),
        ("mlflow-skinny", "lightgbm", "numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skops", "xgboost-cpu"),
    )
