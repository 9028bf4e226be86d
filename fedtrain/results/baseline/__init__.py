"""What federating buys: each participant alone, and all data pooled, trained and measured beside the federated run."""
