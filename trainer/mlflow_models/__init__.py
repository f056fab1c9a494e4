"""Model folders of MLflow (https://mlflow.org/docs/latest/ml/model/): written and read."""
