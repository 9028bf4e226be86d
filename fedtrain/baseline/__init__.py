"""`fedtrain baseline`: each participant alone and all data pooled, beside the federated run."""
